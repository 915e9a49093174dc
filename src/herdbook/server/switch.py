"""Finds the route of a request at once: what is called has no parameters in its path, so a table has them all.

FastAPI tries its routes one after the other, each by a pattern, which with fifty takes longer than many an answer.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from herdbook.server.calls import CallRoute


class Switch(BaseRoute):
    """Stands before the routes of an application; what it does not know is left to those behind it."""

    def __init__(self, routes: list[BaseRoute]) -> None:
        self._methods: dict[str, set[str]] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []
        self._calls: dict[tuple[str, str], CallRoute] = {}
        for context in iter_route_contexts(routes):
            route = context.original_route
            if isinstance(route, APIRoute):
                methods = route.methods or set()
                self._methods.setdefault(route.path, set()).update(methods)
                self._patterns.append((route.path_regex, route.path))
            if isinstance(route, CallRoute):
                self._add(route)

    def _add(self, route: CallRoute) -> None:
        verb = route.call.route.verb
        self._calls[route.path, verb] = route
        if verb == "GET":  # the server leaves the bytes out
            self._calls[route.path, "HEAD"] = route
            self._methods[route.path].add("HEAD")

    @property
    def paths(self) -> list[str]:
        """All paths that are known, also those with parameters."""
        return sorted(self._methods)

    def methods(self, path: str) -> list[str]:
        """Return what a path takes, one with parameters filled in too."""
        found = (known for pattern, known in self._patterns if pattern.match(path))
        return sorted(self._methods.get(next(found, ""), ()))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a call is at this path, below what a proxy took off."""
        if scope["type"] != "http":
            return Match.NONE, {}
        path = scope["path"]
        if (root := scope.get("root_path")) and path.startswith(f"{root}/"):
            path = path[len(root) :]
        route = self._calls.get((path, scope["method"]))
        found: dict[str, Any] = {"route": route, "endpoint": route.endpoint} if route else {}
        return (Match.FULL if route else Match.NONE), found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the call answer."""
        await scope["route"].app(scope, receive, send)


def install(app: Any) -> None:  # noqa: ANN401 - FastAPI, whose router lets itself be extended
    """Put a switch before all that the application has; to be called last."""
    switch = Switch(app.router.routes)
    app.state.switch = switch
    app.router.routes.insert(0, switch)
