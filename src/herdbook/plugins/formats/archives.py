"""Zip archives: opened once, bounded, and told apart by what they hold. Each kind is a module of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity
from herdbook.plugins.formats.contents import Content, kinds
from herdbook.plugins.formats.zip_archive import Archive

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

KINDS: tuple[str, ...] = ("keras_archive", "torch_export", "torch_script", "torch_state", "skops", "npz")
"""Modules in the order in which they are asked; the first that fits reads an `Archive`."""

_LISTED = 1000


class Archives:
    """The reader of zip archives."""

    name = "archives"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take what begins with a member's header, or is an empty archive."""
        if file.read_at(0, 4) in {b"PK\x03\x04", b"PK\x05\x06"} and not path.lower().endswith(".onnx"):
            return Probe(format="zip-other", unknown=("kind",))
        return None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        """Follow the directory, and ask the kinds.

        What holds a pickle that cannot be looked at stays unsafe: other readers forgive more, and have no limits.

        Raises:
            CorruptError: when the archive, or what its kind needs of it, is damaged.
            InvalidError: when it is larger than this reader goes, or encrypted.
        """
        archive = Archive(file, path)
        try:
            content = next((k.read(archive, path, listing) for k in kinds(KINDS) if k.fits(archive, path)), None)
        except (CorruptError, InvalidError) as error:
            if not any(name.lower().endswith((".pkl", ".pickle")) for name in archive.names):
                raise
            content = _gave_up(archive, error)
        facts = (content or other(archive)).facts(self.name, self.version)
        return facts.model_copy(update={"findings": (*facts.findings, *archive.findings)})


_: type[Format] = Archives


def _gave_up(archive: Archive, error: HerdbookError) -> Content:
    said = Finding(rule=error.code, severity=Severity.ERROR, message=str(error))
    found = other(archive)
    return replace(found, safety=Safety.UNSAFE, findings=(*found.findings, said))


def other(archive: Archive) -> Content:
    """Return what can be said of an archive that is of no kind: its members; it may hold anything."""
    values: dict[str, Any] = {
        "members": {each.name: each.size for each in archive.members[:_LISTED]},
        "member_count": len(archive.members),
    }
    findings = []
    if len(archive.members) > _LISTED:
        message = f"only {_LISTED} of {len(archive.members)} members are listed"
        findings.append(Finding(rule="members-cut", severity=Severity.NOTE, message=message))
    return Content(format="zip-other", values=values, safety=Safety.GUARDED, findings=tuple(findings))
