"""Git data repositories as a source: a git directory, a work tree or a bundle. No hook, setting or filter is run."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO

from herdbook.kernel.errors import UnavailableError
from herdbook.model.drafts import Drafts, SourceState
from herdbook.model.rules import Rules
from herdbook.ports.importers import Source

if TYPE_CHECKING:
    from herdbook.plugins.importers.git_history import GitHistory
    from herdbook.plugins.importers.git_objects import Objects
    from herdbook.plugins.importers.git_refs import References
    from herdbook.plugins.importers.git_troubles import Troubles


class Git:
    """Opens git repositories, read with dulwich's parts and never with the git program."""

    kind = "git"

    def open(self, place: str, *, name: str = "") -> Source:
        """Open a bare git directory, a work tree or a bundle; see ``ports.importers.Importer``."""
        try:
            import dulwich  # noqa: F401, PLC0415 - only an import needs it
        except ImportError as error:
            raise UnavailableError(
                "git repositories are read with dulwich, which is not installed",
                code="no-extra",
                hint="Install herdbook[imports].",
            ) from error
        from herdbook.plugins.importers import git_bundle, git_directory, git_places  # noqa: PLC0415 - they need dulwich
        from herdbook.plugins.importers.git_troubles import Troubles  # noqa: PLC0415 - only an import needs it

        troubles = Troubles()
        found = git_places.find(os.fspath(place), troubles)
        reader = (
            git_directory.read(found, troubles)
            if found.bundle is None
            else (*git_bundle.read(found.bundle, troubles), frozenset[str]())
        )
        return GitSource(name or found.name, *reader, troubles)


class GitSource:
    """A git repository that is open. Where its references led is as it was when it was opened."""

    kind = "git"

    def __init__(
        self, name: str, references: References, objects: Objects, cut: frozenset[str], troubles: Troubles
    ) -> None:
        self.name = name
        self._references = references
        self._objects = objects
        self._cut = cut
        self._troubles = troubles
        self._history: GitHistory | None = None

    def state(self) -> SourceState:
        """Return a digest over all references and where they lead."""
        from herdbook.plugins.importers import git_refs  # noqa: PLC0415 - needs dulwich

        lines = "".join(f"{line}\n" for line in git_refs.state_lines(self._references))
        digest = hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()
        head = self._references.ids.get(self._references.head)
        return SourceState(kind=self.kind, name=self.name, state=f"sha256:{digest}", head=head)

    @property
    def history(self) -> GitHistory:
        """All commits, tags and changes; read once."""
        from herdbook.plugins.importers.git_history import GitHistory  # noqa: PLC0415 - needs dulwich

        if self._history is None:
            self._history = GitHistory(self._objects, self._references, self._cut, self._troubles)
        return self._history

    def drafts(self, rules: Rules) -> Drafts:
        """Return all that the repository tells, by the rules."""
        from herdbook.service.mapping import draft  # noqa: PLC0415 - only an import needs it

        return draft(self.history, self.state(), rules)

    def open(self, digest: str) -> BinaryIO:
        """Open a blob; see ``ports.importers.History``."""
        return self._objects.open(digest.removeprefix("git-sha1:"))

    def close(self) -> None:
        """Release all packs."""
        self._objects.close()
