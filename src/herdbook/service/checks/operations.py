"""Safe and operated: loading, signatures, validity, constraints, firmware, maintainers."""

from __future__ import annotations

from herdbook.model.audits import Absent, Checked, Score, Stated, Structured, Waived
from herdbook.service.auditing_evidence import Evidence
from herdbook.service.checks.trainings import UNKNOWN

_SIGNATURES = (".sig", ".sigstore", ".sigstore.json", ".asc")
_PROVENANCE = (".intoto.jsonl", ".provenance.json", ".dsse.json")
_FIGURES = ("latency", "throughput", "memory")
_HOPS = frozenset({"conversion", "firmware-build", "quantisation", "pruning"})


def loading(e: Evidence) -> Score:
    """S1: no file that could run code when it is loaded."""
    by = {view.path: view.facts.safety for view in e.dossier.files if view.facts}
    for word in ("unsafe", "guarded"):
        if found := [path for path, safety in by.items() if safety == word]:
            why = f"{found[0]} is {word}"
            return Absent(why=why) if word == "unsafe" else Stated(where=why)
    unread = [view.path for view in e.dossier.files if not view.facts]
    if unread:
        return Absent(why=f"no reader knows {unread[0]}, so nothing is known of what loading it does")
    return Checked(ran=e.ran("readers", f"{len(by)} files hold data only"))


def signature(e: Evidence) -> Score:
    """S2: signed by a key that the namespace trusts."""
    if found := [view.path for view in e.dossier.files if view.path.endswith(_SIGNATURES)]:
        return Stated(where=f"{found[0]}, which nobody verified")
    return Absent(why="it is not signed; Herdbook verifies no signatures yet")


def provenance(e: Evidence) -> Score:
    """S3: signed provenance."""
    if found := [view.path for view in e.dossier.files if view.path.endswith(_PROVENANCE)]:
        return Stated(where=f"{found[0]}, which nobody verified")
    return Absent(why="no signed provenance lies with it; Herdbook writes none yet")


def validity(e: Evidence) -> Score:
    """S4: for which data it is valid, or why it is so without bound."""
    told = ((e.told("ext") or {}).get("hep") or {}).get("eras")
    if told:
        return Structured(where=f"eras: {', '.join(map(str, told))}")
    if any(body.get("first") for body in e.bodies("identity")):
        return Stated(where="tags of another system")
    derivation = e.activity.derivation if e.activity else None
    if derivation and derivation.window:
        return Stated(where=f"trained on {derivation.window.axis} from {derivation.window.since}")
    return Absent(why="nobody said for which data it is valid; channels come with a later step")


def constraints(e: Evidence) -> Score:
    """S5: what it needs where it runs, measured on the device."""
    for body in e.bodies("evaluation"):
        named = [str(m.get("name")) for m in body["metrics"] if str(m.get("name", "")).lower().startswith(_FIGURES)]
        if named:
            where = f"{named[0]}"
            return (
                Structured(where=f"{where}, with its environment") if body.get("environment") else Stated(where=where)
            )
    if name := e.section("runtime", "requirements"):
        return Stated(where=f"the card's section {name!r}")
    return Absent(why="neither latency, throughput nor memory was measured")


def firmware(e: Evidence) -> Score:
    """S6: an equivalence check on every hop after the training."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    hops = [*e.hops, *([e.training] if e.training and e.activity.kind in _HOPS else [])]
    if not hops and not (e.activity.command or e.activity.code):
        return Absent(why="little is known of how its files came out of the training")
    if not hops:
        return Waived(reason="its files are what the training put out")
    return Absent(
        why=f"nothing shows that the {hops[0].activity.kind} changed nothing; such checks come with a later step"
    )


def maintainer(e: Evidence) -> Score:
    """S7: who looks after it, and for how long."""
    profile = e.dossier.profile
    who = (profile.maintainers if profile else None) or ()
    if who and profile and profile.lifecycle:
        return Structured(where=f"{who[0]}; {profile.lifecycle}")
    if who or e.told("contact"):
        return Stated(where=str(who[0] if who else e.told("contact")))
    return Absent(why="nobody says that they look after it")
