"""Reusable: licence, use, domain, size, evaluations, validation, reference vectors, citation, example."""

from __future__ import annotations

from herdbook.kernel.errors import HerdbookError
from herdbook.model.audits import Absent, Checked, Score, Stated, Structured
from herdbook.model.base import Json
from herdbook.service import licences
from herdbook.service.auditing_evidence import Data, Evidence
from herdbook.service.checks.findable import links

DOMAIN = ("era", "campaign", "energy", "process", "generator", "simulation", "release", "conditions", "experiment")
_LICENCE_FILES = ("license", "licence", "copying")
_DOCUMENTS = (".png", ".pdf", ".svg", ".html", ".root", ".yoda")
_REFERENCES = ("doi.org/", "arxiv.org/", "inspirehep.net/", "hepdata.net/", "zenodo.org/")


def licence(e: Evidence) -> Score:
    """R1: an SPDX licence that exists."""
    told = e.told("licence")
    if told:
        try:
            licences.check(str(told))
        except HerdbookError as error:
            return Stated(where=error.message)
        if "LicenseRef-" in str(told):
            return Structured(where=f"{told}, a licence of one's own")
        return Checked(ran=e.ran("SPDX list", str(told)))
    if found := [view.path for view in e.dossier.files if view.path.lower().startswith(_LICENCE_FILES)]:
        return Stated(where=found[0])
    return Absent(why="no licence is known, so nobody may use it")


def use(e: Evidence) -> Score:
    """R2: intended use, use it is not for, limitations."""
    wanted = ("intended_use", "out_of_scope", "limitations")
    told = [name for name in wanted if e.told(name)]
    if len(told) == len(wanted):
        return Structured(where="description")
    name = e.section("intended-use", "limitations", "out-of-scope")
    if told or name or e.bodies("known-issue"):
        return Stated(where=f"{', '.join(told)}" or (f"the card's section {name!r}" if name else "known issues"))
    return Absent(why="nobody said what it is for, what it is not for, and where it fails")


def domain(e: Evidence) -> Score:
    """R3: what the training saw: era, generator, conditions, ranges."""
    known = [data for data in e.datasets if any(name in data.hep for name in DOMAIN)]
    if e.datasets and len(known) == len(e.datasets):
        ranges = [data for data in e.datasets if _ranges(data)]
        if len(ranges) == len(e.datasets):
            return Checked(ran=e.ran("profile", f"ranges of {len(ranges)} datasets, read from their files"))
        return Structured(where=f"ext.hep of {len(known)} datasets")
    profile = e.dossier.profile
    if known or (profile and profile.domain) or e.section("training-data", "domain"):
        return Stated(where="words, or some of the datasets")
    return Absent(why="nothing is known of what the training's data stand for")


def _ranges(data: Data) -> bool:
    """Whether a reader read the dataset's columns, and of each at least the range."""
    for body in data.bodies("dataset-profile"):
        columns = [column for table in body.get("tables") or () for column in table.get("columns") or ()]
        if columns and body.get("readers") and all("minimum" in column or "missing" in column for column in columns):
            return True
    return False


def size(e: Evidence) -> Score:
    """R4: kind, architecture and number of parameters; the number is the file's."""
    facts = [view.facts.values.get("parameters") for view in e.dossier.files if view.facts]
    counted = [number for number in facts if isinstance(number, int)]
    parameters = (e.activity.parameters or ()) if e.activity else ()
    told = [each.text for each in parameters if (each.term or each.name) in {"n_parameters", "n_params"}]
    if told and counted:
        if told[0] == str(sum(counted)):
            return Checked(ran=e.ran("parameter count", f"{told[0]} parameters"))
        return Absent(why=f"{told[0]} parameters are told, {sum(counted)} are in the files")
    if counted:
        return Structured(where=f"{sum(counted)} parameters, counted in the files")
    if told or e.section("architecture"):
        return Stated(where="told, and not counted in a file")
    return Absent(why="neither its architecture nor its number of parameters is known")


def evaluation(e: Evidence) -> Score:
    """R5: evaluated on data that the training did not see, on a version of the dataset, with an uncertainty."""
    bodies = e.bodies("evaluation")
    own = bool(e.activity and e.activity.metrics)
    if not bodies:
        return Stated(where="metrics of the training") if own else Absent(why="no metric is known")
    good = [body for body in bodies if body.get("dataset") and any(map(_uncertain, body["metrics"]))]
    for body in good:
        if (data := e.evaluated.get(body["dataset"])) and (why := _held_out(e, data, str(body.get("split") or ""))):
            return Checked(ran=e.ran("held-out data", f"{data.dataset.title}: {why}"))
    if good:
        return Structured(where="an evaluation with dataset and uncertainty; that it was held out did not show")
    return Stated(where="an evaluation without its dataset, or without an uncertainty")


def _uncertain(metric: Json) -> bool:
    return any(metric.get(name) is not None for name in ("stat", "stat_low", "syst", "syst_low"))


def _held_out(e: Evidence, data: Data, split: str) -> str:
    """Say by which check the dataset was not trained on; empty when none shows it."""
    seen = {each.record for each in _trained(e)}
    if not seen or data.manifest is None or not data.manifest.sums:
        return ""
    if data.record in seen:
        for body in data.bodies("split"):
            roles = {part.get("role") for part in body.get("parts") or ()}
            if split in roles and body.get("checked") and body.get("overlap") == 0:
                return f"its split was run, {split!r} overlaps with nothing"
        return ""
    others = [each.manifest.sums if each.manifest else None for each in _trained(e)]
    if all(sums is not None and not sums & data.manifest.sums for sums in others):
        return "no file of it is one of the training's"
    return ""


def _trained(e: Evidence) -> list[Data]:
    return [each.data for each in e.data if each.data and each.part.role not in {"test", "evaluation"}]


def elsewhere(e: Evidence) -> Score:
    """R6: evaluated on other data than the training's, or by others."""
    seen = {data.record for data in e.datasets}
    bodies = e.bodies("evaluation")
    mine = [data.hep for data in _trained(e)]
    for body in bodies:
        data = e.evaluated.get(str(body.get("dataset")))
        if data is None or data.record in seen:
            continue
        if data.hep and mine and all(hep and _shifted(hep, data.hep) for hep in mine):
            return Checked(ran=e.ran("domains of datasets", f"{data.dataset.title} is not of the training's domain"))
        return Structured(where=f"an evaluation on {data.dataset.title}")
    if any(body.get("kind") in {"third-party", "monitoring"} for body in bodies):
        return Stated(where="an evaluation by others, without its dataset")
    return Absent(why="it was not evaluated on other data than the training's")


def _shifted(one: Json, two: Json) -> bool:
    return any(one[name] != two[name] for name in DOMAIN if name in one and name in two)


def validation(e: Evidence) -> Score:
    """R7: distributions, cut flows, performance by slice."""
    slices = [metric for body in e.bodies("evaluation") for metric in body["metrics"] if metric.get("slice")]
    if len(slices) >= 2:
        return Structured(where=f"{len(slices)} metrics of slices")
    found = [view.path for view in e.dossier.files if view.path.lower().endswith(_DOCUMENTS)]
    if found or e.section("validation") or (e.activity and e.activity.history):
        return Stated(where=next(iter(found), "the card, or the training's history"))
    return Absent(why="no distributions, cut flows or slices are known")


def vectors(e: Evidence) -> Score:
    """R8: reference inputs and outputs. That two runtimes give them is a later step's check."""
    bodies = e.bodies("golden")
    if bodies:
        return Structured(where=f"golden inputs {str(bodies[-1]['inputs'])[7:19]}")
    if found := [view.path for view in e.dossier.files if "golden" in view.path or "reference_io" in view.path]:
        return Stated(where=found[0])
    return Absent(why="no reference inputs with their outputs are known")


def systematics(e: Evidence) -> Score:
    """R9: systematic uncertainties, or a calibration."""
    metrics = [metric for body in e.bodies("evaluation") for metric in body["metrics"]]
    if any(metric.get("syst") is not None or metric.get("syst_low") is not None for metric in metrics):
        return Structured(where="an evaluation with systematic uncertainties")
    if any("correctionlib" in str(link) or "calibration" in str(link) for link in links(e)):
        return Stated(where="a link")
    return Absent(why="neither systematic uncertainties nor a calibration are known")


def citation(e: Evidence) -> Score:
    """R10: how to cite it."""
    urls = [str(link.get("url", "")) for link in links(e)]
    found = [url for url in urls if any(part in url for part in _REFERENCES)]
    for look in e.looks:
        if look.location.uri in found and look.fresh(e.now):
            return Checked(ran=e.ran("location", look.location.uri, look.location.asked))
    if found:
        return Structured(where=found[0])
    if e.section("citation") or e.parents:
        return Stated(where="the card, or its parents")
    return Absent(why="no publication, and no relation to another model, is known")


def example(e: Evidence) -> Score:
    """R11: how it is used. That the example runs is a later step's check."""
    if any(body.get("argv") for body in e.bodies("golden")):
        return Structured(where="the command of its golden inputs")
    names = [view.path for view in e.dossier.files if view.path.lower().rpartition("/")[2].startswith("example")]
    if names or e.section("usage"):
        return Stated(where=next(iter(names), "the card's section 'usage'"))
    return Absent(why="nobody shows how it is used")
