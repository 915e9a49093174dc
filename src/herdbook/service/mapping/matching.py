"""Rules put to work: each path of a source goes to one place, by its name and, in the fallback, its first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from herdbook.kernel import names, paths
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.identifiers import Identifier
from herdbook.model.rules import ListRule, ModelRule, Rules, SidecarRule, SkipRule
from herdbook.service.mapping import templates
from herdbook.service.mapping.fallback import Fallback
from herdbook.service.mapping.places import Place, parent, within

__all__ = ["HEAD", "Look", "Matcher", "Place"]

HEAD = 64 * 1024
"""How many bytes of a blob are looked at, at most."""

Look = Callable[[], bytes]
"""Returns the first ``HEAD`` bytes of a blob; there is no such function where its content is absent."""

_Rule = SkipRule | ModelRule | SidecarRule | ListRule
_ALWAYS = ("path", "source", "namespace")


@dataclass(frozen=True, slots=True)
class _Pattern:
    match: re.Pattern[str]
    id: str
    rule: _Rule


class Matcher:
    """Says where the paths of one source go.

    A path keeps the place that it got first. The fallback keeps names apart in the order in which it meets paths:
    ask for paths in the order of the history, and what comes later renames nothing.

    Args:
        rules: of the source.
        source_name: what the source calls itself; the groups of ``rules.source`` come from it.

    Attributes:
        package: what release lists call the source; empty when the rules do not say.
        prefix: under which name the fallback puts models.

    Raises:
        InvalidError: ``bad-rules``, when a template names a group that there is not, or a sidecar an unknown rule.
    """

    def __init__(self, rules: Rules, source_name: str) -> None:
        self.rules = rules
        found = re.fullmatch(rules.source, source_name)
        self._groups = {
            **(found.groupdict("") if found else {}),
            "source": source_name,
            "namespace": rules.namespace,
        }
        self._patterns = list(_patterns(rules))
        self._check(found is not None)
        self.package = templates.fill(rules.package, self._groups) if rules.package else ""
        self.prefix = self._prefix()
        self._fallback = Fallback(self.prefix) if rules.fallback else None
        self._places: dict[str, Place] = {}

    def place(self, path: str, look: Look | None = None) -> Place:
        """Return where a path goes; only the fallback looks at content, and only where the name does not tell.

        Raises:
            InvalidError: ``bad-rules``, when filled templates give no name, label or folder; names rule and path.
        """
        known = self._places.get(path)
        if known is None:
            known = self._places[path] = self._decide(path, look)
        return known

    def identity(self, path: str) -> Identifier | None:
        """Return what another system calls the file at a path; ``None`` when the rules do not say."""
        rule = self.rules.identity
        if rule is None or _problem(path):
            return None
        return Identifier(scheme=rule.scheme, value=templates.fill(rule.value, {**self._groups, "path": path}))

    def ext(self, place: Place) -> Json | None:
        """Return the ``ext`` that the rule of a model's path gives to the version's description, filled in."""
        for item in self._patterns:
            if item.id == place.rule and isinstance(item.rule, ModelRule):
                filled = templates.fill_json(item.rule.ext, place.groups) if item.rule.ext else None
                return filled if isinstance(filled, dict) else None
        return None

    def _prefix(self) -> str:
        last = self._groups["source"].rstrip("/").rpartition("/")[2]
        prefix = f"{self.rules.namespace}/{templates.shortened(templates.slug(last) or 'source', 48)}"
        if self.rules.prefix:
            prefix = templates.fill(self.rules.prefix, self._groups)
        names.check_model(f"{prefix}/folder/name")
        return prefix

    def _check(self, matched: bool) -> None:
        """Check templates and references before any path is looked at."""
        rules = self.rules
        if not rules.namespace:
            raise InvalidError(
                f"the rules {rules.name!r} leave the namespace to you",
                code="no-namespace",
                hint="Say it with --namespace NAME.",
            )
        names.check_namespace(rules.namespace)
        known = {*self._groups, *_ALWAYS}
        ids = {rule.id for rule in rules.models} | {"*"}
        try:
            for text in (rules.package, rules.prefix):
                templates.check(text or "", known - {"path"})
            templates.check(rules.identity.value if rules.identity else "", known)
        except InvalidError as error:
            if matched:
                raise
            raise InvalidError(
                f"the rules {rules.name!r} take their names from a source called like {rules.source!r}, "
                f"and this one is called {self._groups['source']!r}",
                code="bad-rules",
                hint="Say what the source is called with --name, or choose other rules.",
            ) from error
        for item in self._patterns:
            for text in _templates(item.rule):
                templates.check(text, known | set(item.match.groupindex))
            for text in _texts(item.rule.activity) if isinstance(item.rule, ListRule) else ():
                templates.check(text, known | set(item.match.groupindex) | {"name"})
            if isinstance(item.rule, SidecarRule) and (unknown := set(item.rule.of) - ids):
                raise InvalidError(
                    f"the sidecar rule {item.id!r} is of {min(unknown)!r}, and no model rule is called so",
                    code="bad-rules",
                    hint=f"There are {', '.join(sorted(ids))}.",
                )

    def _decide(self, path: str, look: Look | None) -> Place:
        groups = {**self._groups, "path": path}
        if problem := _problem(path):
            return Place("skip", "skip:bad-path", reason=f"no record can hold this path: {problem}", groups=groups)
        for item in self._patterns:
            if (match := item.match.fullmatch(path)) is not None:
                groups.update(match.groupdict(""))
                return self._by_rule(item, path, groups)
        if self._fallback is not None:
            return self._fallback.place(path, look, groups)
        return Place("skip", "skip:no-rule", reason="no rule names this path", groups=groups)

    def _by_rule(self, item: _Pattern, path: str, groups: Mapping[str, str]) -> Place:
        rule = item.rule
        if isinstance(rule, SkipRule):
            return Place("skip", item.id, reason=rule.reason, groups=groups)
        try:
            if isinstance(rule, ListRule):
                return Place("list", item.id, name=templates.fill(rule.name, groups), inside=path, groups=groups)
            folder = parent(path) if rule.folder is None else templates.fill(rule.folder, groups).strip("/")
            inside = _inside(path, folder)
            model, label = self._name(rule, groups)
        except InvalidError as error:
            raise InvalidError(
                f"the rule {item.id!r} of {self.rules.name!r} does not serve {path!r}: {error.message}",
                code="bad-rules",
                hint="Change the rule's templates, or skip the path." + (f" {error.hint}" if error.hint else ""),
            ) from error
        role = templates.fill(rule.role or "", groups)
        if isinstance(rule, ModelRule):
            member = groups.get(rule.member or "", "")
            return Place("model", item.id, model, label, folder, inside, member, role, groups=groups)
        return Place("sidecar", item.id, model, label, folder, inside, role=role, of=rule.of, groups=groups)

    def _name(self, rule: ModelRule | SidecarRule, groups: Mapping[str, str]) -> tuple[str, str]:
        """Return the checked name and label; both may be empty where a sidecar's rule has none."""
        model = templates.fill(rule.model or "", groups)
        label = templates.fill(rule.label or "", groups)
        if model or isinstance(rule, ModelRule):
            names.check_model(model)
            if names.namespace_of(model) != self.rules.namespace:
                raise InvalidError(
                    f"the model {model!r} is not in the namespace {self.rules.namespace!r}",
                    code="bad-rules",
                    hint="Begin the template of the model with {namespace}/.",
                )
        return model, names.check_label(label) if label else ""


def _patterns(rules: Rules) -> Iterator[_Pattern]:
    """Yield every pattern in the order in which paths are held against them: skip, models, sidecars, lists."""
    for rule in rules.skip:
        name = "skip:" + templates.slug(rule.reason).lower()[:48].rstrip("-")
        yield from (_Pattern(re.compile(text), name, rule) for text in rule.paths)
    others: tuple[ModelRule | SidecarRule | ListRule, ...] = (*rules.models, *rules.sidecars, *rules.lists)
    for named in others:
        yield from (_Pattern(re.compile(text), named.id, named) for text in named.paths)


def _templates(rule: _Rule) -> list[str]:
    if isinstance(rule, SkipRule):
        return []
    if isinstance(rule, ListRule):
        return [rule.name]
    ext = list(_texts(rule.ext)) if isinstance(rule, ModelRule) else []
    return [*(text for text in (rule.model, rule.label, rule.folder, rule.role) if text is not None), *ext]


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON value that is no key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _inside(path: str, folder: str) -> str:
    inside = within(path, folder)
    if not inside:
        raise InvalidError(f"it does not lie in the folder {folder!r}", code="bad-rules")
    return inside


def _problem(path: str) -> str:
    """Return why no record can hold a path, empty when one can."""
    try:
        paths.check(path)
    except InvalidError as error:
        return error.message
    if any(part.lower() == ".git" for part in path.split("/")):
        return f"the path {path!r} leads into git's own folder"
    return ""
