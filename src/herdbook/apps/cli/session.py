"""What one run of the command knows: the shared options, and from them the output and the registry."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import click

from herdbook.apps.cli.output import Output
from herdbook.kernel.errors import InvalidError

if TYPE_CHECKING:  # so that `herdbook --help` need not load the values
    from herdbook.ports.admin import Admin
    from herdbook.ports.registry import Registry


class _Warnings(logging.Handler):
    """Prints warnings of the library as the command does."""

    def __init__(self, output: Output) -> None:
        super().__init__(logging.WARNING)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        self._output.warn(record.getMessage())


@dataclass
class Session:
    """The shared options of one run."""

    where: str | None = None
    as_json: bool = False
    quiet: bool = False
    color: Literal["auto", "always", "never"] = "auto"
    debug: bool = False

    @cached_property
    def output(self) -> Output:
        """Where answers and messages go."""
        return Output(mode="json" if self.as_json else "quiet" if self.quiet else "text", color=self.color)

    @contextlib.contextmanager
    def registry(self, *, read_only: bool = False, within: float = float("inf")) -> Iterator[Registry]:
        """Open the registry for the time of a block; a server is waited for as set, and no longer than ``within``."""
        from herdbook.bootstrap.open import open_registry

        opened = open_registry(self.where, read_only=read_only, within=within)
        with self._warned(), contextlib.closing(opened) as registry:
            yield registry

    @contextlib.contextmanager
    def admin(self) -> Iterator[Admin]:
        """Open, for the time of a block, what only an owner of the machine may use."""
        from herdbook.bootstrap.open import open_admin

        with self._warned(), contextlib.closing(open_admin(self.where)) as admin:
            yield admin

    @contextlib.contextmanager
    def _warned(self) -> Iterator[None]:
        """Let what the library logs as a warning reach the person, or the program, as one of ours."""
        handler = _Warnings(self.output)
        logger = logging.getLogger("herdbook")
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something that cannot be taken back; without a terminal, ``--yes`` must have been given.

        Raises:
            InvalidError: when nobody can be asked.
            Abort: when the answer is no.
        """
        if yes:
            return
        if not sys.stdin.isatty() or self.output.mode != "text":
            raise InvalidError("this needs a yes", code="needs-yes", hint="Add --yes.")
        click.confirm(question, abort=True, err=True)


pass_session = click.make_pass_decorator(Session, ensure=True)
