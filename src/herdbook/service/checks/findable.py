"""Findable and accessible: identity, label, persistent id, description, files, access, copies, tombstone."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from herdbook.model.audits import Absent, Checked, Score, Stated, Structured
from herdbook.service.auditing_evidence import Evidence, Look

PERSISTENT = frozenset({"doi", "handle", "hdl", "ark", "urn", "swhid"})
_ORCID = re.compile(r"(\d{4})-(\d{4})-(\d{4})-(\d{3}[\dX])")
_JSON_LD = ("ro-crate-metadata.json", "codemeta.json")


def digest(e: Evidence) -> Score:
    """F1: it has an id that resolves, and its bytes give that id again."""
    version = e.dossier.entry.version
    if e.verified is not None and (bad := [each for each in e.verified if each.status != "ok"]):
        return Absent(why=f"{bad[0].path}: {bad[0].message or bad[0].status}")
    if e.verified:
        return Checked(ran=e.ran("digest", f"{len(e.verified)} files, read again"))
    if version.resolved:
        return Structured(where=f"{e.dossier.entry.record}; the files were not read again for this audit")
    if any(file.resolved for file in version.files):
        return Stated(where="only some of its files are named by sha256")
    return Absent(why="none of its files is named by sha256")


def label(e: Evidence) -> Score:
    """F2: the version has an id of its own, and its label never meant anything else."""
    if e.moves is None:
        return Structured(where=f"{e.dossier.entry.model}@{e.dossier.entry.ordinal}; it has no label")
    name = e.dossier.entry.reference
    if e.moves == 1:
        return Checked(ran=e.ran("label history", f"{name}, set once"))
    if not e.moves:
        return Absent(why=f"the history of {name} does not say that it was ever set")
    return Stated(where=f"{name} was set {e.moves} times: an undo let it mean something else before")


def persistent(e: Evidence) -> Score:
    """F3: a persistent id."""
    ids = [body.get("id") or {} for body in e.bodies("identity")]
    if found := [each for each in ids if each.get("scheme") in PERSISTENT]:
        name = f"{found[0]['scheme']}:{found[0].get('value')}"
        for look in e.looks:
            if str(found[0].get("value")) in look.location.uri and look.fresh(e.now):
                return Checked(ran=e.ran("location", look.location.uri, look.location.asked))
        return Structured(where=f"identity {name}")
    if url := _link(e, "doi.org/", "hdl.handle.net/"):
        return Stated(where=f"a link to {url}")
    return Absent(why="no DOI, handle or other persistent id is known")


def links(e: Evidence) -> list[dict[str, Any]]:
    """Return all links of descriptions and of the profile."""
    told = [link for body in e.bodies("description") for link in body.get("links") or ()]
    profile = e.dossier.profile
    return [*told, *((profile.links or ()) if profile else ())]


def _link(e: Evidence, *parts: str) -> str:
    urls = [str(link.get("url", "")) for link in links(e)]
    return next((url for url in urls if any(part in url for part in parts)), "")


def description(e: Evidence) -> Score:
    """F4: title, summary, task and authors."""
    profile = e.dossier.profile
    authors = [*(e.told("authors") or ()), *((profile.maintainers or ()) if profile else ())]
    told = {
        "title": e.told("title") or (profile and profile.title),
        "summary": e.told("summary") or (profile and profile.summary),
        "task": profile and (profile.task or profile.step),
        "authors": authors,
    }
    lacking = [name for name, value in told.items() if not value]
    if len(lacking) == len(told):
        return Absent(why="neither title, summary, task nor authors are known")
    if lacking:
        return Stated(where=f"{', '.join(name for name in told if name not in lacking)}; no {', '.join(lacking)}")
    if all(_orcid(author) for author in authors):
        return Checked(ran=e.ran("check digits of ORCID", f"{len(authors)} authors"))
    return Structured(where="description and profile")


def _orcid(text: str) -> bool:
    """Whether a text holds an ORCID with a right check digit (ISO 7064 MOD 11-2, as ORCID's own page has it)."""
    match = _ORCID.search(text)
    if match is None:
        return False
    digits = "".join(match.groups())
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    rest = (12 - total % 11) % 11
    return digits[-1] == ("X" if rest == 10 else str(rest))


def files(e: Evidence) -> Score:
    """F5: files are listed with name, size, type, checksum and place."""
    views = e.dossier.files
    summed = [view for view in views if view.digest.startswith("sha256:") and view.size is not None]
    if not summed:
        sized = [view for view in views if view.size is not None]
        return Stated(where="names and weak digests") if sized else Absent(why="neither sizes nor sha256 are known")
    if len(summed) < len(views):
        return Stated(where=f"{len(views) - len(summed)} of {len(views)} files have no sha256")
    if all(view.here and view.facts for view in views):
        return Checked(ran=e.ran("files kept and read", f"{len(views)} files"))
    return Structured(where="the version's record")


def linked_data(e: Evidence) -> Score:
    """F6: harvestable JSON-LD."""
    found = [view.path for view in e.dossier.files if view.path.endswith((*_JSON_LD, ".jsonld"))]
    if found:
        return Structured(where=found[0])
    return Absent(why="no JSON-LD lies with it; Herdbook writes none yet")


def access(e: Evidence) -> Score:
    """A1: who may have it, and on which conditions."""
    level, terms = e.told("access"), e.told("access_conditions")
    if level == "open" and (look := _fresh_public(e)):
        return Checked(ran=e.ran("location", look.location.uri, look.location.asked))
    if level:
        return Structured(where=f"description: {level}")
    if terms:
        return Stated(where="conditions in words")
    return Absent(why="nobody said who may have it")


def _fresh_public(e: Evidence) -> Look | None:
    return next((look for look in e.looks if look.location.uri.startswith("https:") and look.fresh(e.now)), None)


def copies(e: Evidence) -> Score:
    """A2: a place that was looked at lately, and a second one that is independent."""
    fresh = {_host(look.location.uri) for look in e.looks if look.fresh(e.now)}
    here = all(view.here for view in e.dossier.files)
    if len(fresh) + here >= 2:
        places = [*sorted(fresh), *(["this registry"] if here else [])]
        return Checked(ran=e.ran("locations", ", ".join(places)))
    if fresh or here:
        return Structured(where=f"one copy: {next(iter(fresh), 'this registry')}")
    if e.looks:
        return Stated(where=f"{e.looks[0].location.uri}: {e.looks[0].location.state}, or asked too long ago")
    return Absent(why="its bytes are not here, and no place is known that has them")


def _host(uri: str) -> str:
    parts = urlsplit(uri)
    return parts.netloc or parts.scheme


def tombstone(e: Evidence) -> Score:
    """A3: what is known of it stays, also after a withdrawal."""
    if e.named is None:
        return Structured(where="the journal; nobody looked for this audit")
    if not e.named:
        return Absent(why=f"event {e.dossier.entry.seq} of the journal does not name it")
    state = "withdrawn, and still there" if e.dossier.entry.withdrawn else "in the journal"
    return Checked(ran=e.ran("journal", f"event {e.dossier.entry.seq}: {state}"))
