"""MD5s that a configuration declares, held against the bytes that it meant when it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from herdbook.model.base import Json
from herdbook.model.drafts import DraftSaid
from herdbook.model.statements import Evidence
from herdbook.service.mapping import triton
from herdbook.service.mapping.reading import Contents, Findings
from herdbook.service.mapping.standing import Held, Standing
from herdbook.service.mapping.versions import Found

CONFIG = "config.pbtxt"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a configuration declares: a file as it names it, its MD5, and the file that was there (path, digest)."""

    config: Held
    name: str
    md5: str
    target: tuple[str, str] | None


class Checksums:
    """Collects what configurations declare while their trees stand, and compares it with the bytes afterwards."""

    def __init__(self, contents: Contents, findings: Findings) -> None:
        self._contents, self._findings = contents, findings
        self._texts: dict[str, list[tuple[str, str]]] = {}
        self._declared: dict[str, list[Declared]] = {}

    def see(self, found: Found, held: Sequence[Held], standing: Standing) -> None:
        """Note what the configurations of a set declare; the first coming of the set decides."""
        if found.key in self._declared:
            return
        told = self._declared[found.key] = []
        for each in held:
            if not each.inside.endswith(CONFIG):
                continue
            folder = each.path.rpartition("/")[0]
            for name, md5 in self._read(each):
                target = standing.file(f"{folder}/{name}" if folder else name)
                told.append(Declared(each, name, md5.lower(), target))

    def _read(self, config: Held) -> list[tuple[str, str]]:
        if config.digest not in self._texts:
            text = self._contents.text(config.digest, config.path)
            self._texts[config.digest] = [] if text is None else list(triton.declared(text))
        return self._texts[config.digest]

    def said(self, found: Found, issued: str | None) -> list[DraftSaid]:
        """Return the note about a version, when anything was declared."""
        told = self._declared.get(found.key, [])
        if not told:
            return []
        declared: list[Json] = []
        evidence: dict[str, Evidence] = {}
        inside = {each.path: each.inside for each in found.held}
        for number, each in enumerate(told):
            path = inside.get(each.target[0], each.target[0]) if each.target else each.name
            declared.append({"file": path, "md5": each.md5, "status": self._status(each)})
            where = f"{each.config.digest}:{each.config.path}"
            evidence[f"/declared/{number}"] = Evidence(how="extracted", where=where)
        body: Json = {"title": f"MD5 declared in {CONFIG}", "declared": declared}
        return [DraftSaid(type="herdbook/note/1", body=body, issued=issued, evidence=evidence)]

    def _status(self, declared: Declared) -> str:
        if declared.target is None:
            return "absent"
        path, digest = declared.target
        md5 = self._contents.md5(digest, path)
        if md5 is None:
            return "content-missing"
        if md5 == declared.md5:
            return "match"
        message = f"{declared.config.path} declares MD5 {declared.md5} for {declared.name}; the bytes have {md5}"
        self._findings.add("md5-mismatch", message, path)
        return "mismatch"
