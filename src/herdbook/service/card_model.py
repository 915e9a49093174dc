"""The model card of a version: what is known, section by section. What nobody said stands there as not stated."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Activity
from herdbook.model.base import Json
from herdbook.model.dossiers import Dossier
from herdbook.model.lineage import Lineage
from herdbook.model.studies import Study
from herdbook.service.card_text import bullets, cell, prose, size, table
from herdbook.service.lineage_mermaid import mermaid

Section = tuple[str, str, str]
"""Name, heading, generated text: empty where nothing is known."""
PACKAGES = 12
"""Packages of an environment that are named."""


def title(dossier: Dossier) -> str:
    """Return what the card is called."""
    told = [str(body["title"]) for body in dossier.said("description") if "title" in body]
    named = told[0] if told else (dossier.profile.title if dossier.profile else None)
    return prose(named or dossier.entry.model)


def sections(dossier: Dossier, lineage: Lineage) -> Iterator[Section]:
    """Yield the sections, after Mitchell et al., Model Cards for Model Reporting (2019)."""
    yield "head", "", _head(dossier)
    yield "summary", "Summary", _said(dossier, "summary", "text")
    yield "intended-use", "Intended use", _said(dossier, "intended_use")
    yield "out-of-scope", "Out-of-scope use", _said(dossier, "out_of_scope")
    yield "limitations", "Limitations", _said(dossier, "limitations")
    yield "known-issues", "Known issues", _issues(dossier)
    yield "interface", "Interface", _interface(dossier)
    yield "training-data", "Training data", _data(dossier, lineage)
    yield "training", "Training", "\n\n".join(filter(None, (_training(item.activity) for item in dossier.made_by)))
    yield "choice", "How it was chosen", _choice(dossier)
    yield "evaluation", "Evaluation", _evaluation(dossier)
    yield "reproducibility", "Reproducibility", _reproducibility(dossier)
    yield "lineage", "Lineage", f"```mermaid\n{mermaid(lineage)}```" if len(lineage.nodes) > 1 else ""
    yield "files", "Files", _files(dossier)
    yield "licence", "Licence", ", ".join(_each(dossier, "licence"))
    yield "contact", "Contact", _contact(dossier)


def _each(dossier: Dossier, key: str) -> list[str]:
    return list(dict.fromkeys(prose(body[key]) for body in dossier.said("description") if key in body))


def _said(dossier: Dossier, *keys: str) -> str:
    return "\n\n".join(text for key in keys for text in _each(dossier, key))


def _head(dossier: Dossier) -> str:
    entry = dossier.entry
    lines = []
    for kind, word in (("withdrawal", "Withdrawn"), ("deprecation", "Deprecated")):
        for body in dossier.said(kind) if entry.state != "current" else ():
            instead = body.get("replacement") or body.get("successor")
            use = f" Use `{cell(instead)}` instead." if instead else ""
            lines.append(f"> **{word.upper()}.** {cell(body.get('reason', ''))}{use}\n")
    profile = dossier.profile
    rows = [
        ("Reference", f"`{entry.reference}`"),
        ("Digest", f"`{entry.record}`"),
        ("Registered", entry.registered[:10]),
        ("Labels", ", ".join(entry.labels)),
        ("In use as", ", ".join(f"@{alias}" for alias in entry.aliases)),
        ("Step", profile.step if profile and profile.step else ""),
        ("Task", profile.task if profile and profile.task else ""),
    ]
    return "\n".join([*lines, table(("", ""), [row for row in rows if row[1]])])


def _issues(dossier: Dossier) -> str:
    issues = [
        entry.statement
        for entry in dossier.statements
        if entry.current and entry.statement.kind == "known-issue" and entry.about != "sister"
    ]
    told = []
    for issue in issues:
        body = issue.body
        labels = [label for about in issue.subject for label in about.labels or ()]
        parts = [f"**{cell(body['title'])}**" + (f" ({body['severity']})" if "severity" in body else "")]
        parts += [f"Affects: {', '.join(map(cell, labels))}."] if labels else []
        parts += [cell(body["text"])] if "text" in body else []
        parts += [f"Workaround: {cell(body['workaround'])}"] if "workaround" in body else []
        parts += [f"Fixed in {cell(body['fixed_in'])}."] if "fixed_in" in body else []
        told.append(" ".join(parts))
    return bullets(told)


def _interface(dossier: Dossier) -> str:
    contracts = dossier.said("contract")
    values: Json = contracts[0] if contracts else (dossier.interface.values if dossier.interface else {})
    rows = [
        (
            way,
            f"`{cell(tensor.get('name', '?'))}`",
            tensor.get("dtype"),
            _shape(tensor.get("shape")),
            tensor.get("unit"),
        )
        for way in ("input", "output")
        for tensor in values.get(f"{way}s") or ()
    ]
    whence = "declared" if contracts else "read from the file"
    return f"{table(('', 'name', 'type', 'shape', 'unit'), rows)}\n\n*{whence.capitalize()}.*" if rows else ""


def _shape(shape: object) -> str:
    return " × ".join("?" if axis is None else str(axis) for axis in shape) if isinstance(shape, list | tuple) else ""


def _data(dossier: Dossier, lineage: Lineage) -> str:
    nodes = {node.id: node for node in lineage.nodes}
    rows = []
    for entry in dossier.made_by:
        for part in entry.activity.inputs or ():
            node = nodes.get(str(part.record or part.id))
            if node is not None and node.kind in {"dataset", "id"}:
                rows.append((part.role, f"`{cell(node.title)}`", node.detail, dict(part.used or {})))
            elif named := part.selector or part.id:
                name = f"`{cell(f'{named.scheme}:{named.value}')}`"
                rows.append((part.role, name, "known by its name alone", dict(part.used or {})))
    return table(("role", "dataset", "", "used"), rows)


def _training(activity: Activity) -> str:
    code, environment = activity.code, activity.environment
    where = [code.repository, code.commit, "with a diff" if code.diff else ""] if code else []
    packages = list((environment.packages or {}).items())[:PACKAGES] if environment else []
    rows = [
        ("Kind", activity.kind),
        ("When", (activity.ended or activity.started or "")[:16].replace("T", " ")),
        ("Code", " ".join(filter(None, where))),
        ("Command", f"`{cell(' '.join(activity.command.argv))}`" if activity.command else ""),
        ("Python", environment.python if environment else ""),
        ("Packages", ", ".join(f"{name} {version}" for name, version in packages)),
        ("Hardware", activity.hardware),
        ("Usage", activity.usage),
        ("Seeds", ", ".join(f"{seed.name} {seed.text}" for seed in activity.seeds or ())),
        ("Parameters", ", ".join(f"{item.name} = {item.text}" for item in activity.parameters or ())),
    ]
    return table(("", ""), [row for row in rows if row[1]])


def _choice(dossier: Dossier) -> str:
    told = []
    for entry in dossier.made_by:
        search = entry.activity.search
        if search is None:
            continue
        try:
            study = Study.read(search)
        except InvalidError:
            told.append(cell(search))
            continue
        space = ", ".join(item.name for item in study.space)
        told.append(
            f"Trial {study.chosen} of {study.trials} ({study.complete} complete) of the search *{cell(study.name)}*"
            + (f" over {cell(space)}" if space else "")
            + f", which was to {' and '.join(study.directions)} {cell(study.objectives or ('its value',))}."
        )
    return bullets(told)


def _evaluation(dossier: Dossier) -> str:
    rows = []
    for body in dossier.said("evaluation"):
        rows += [(*_metric(metric), body.get("dataset", "")[:19], body.get("kind", "")) for metric in body["metrics"]]
    for entry in dossier.made_by:
        rows += [(*_metric(metric.json_object()), "", "training") for metric in entry.activity.metrics or ()]
    return table(("metric", "split", "value", "uncertainty", "dataset", "by"), rows)


def _metric(metric: Json) -> tuple[object, ...]:
    stat = f"± {cell(metric['stat'])} (stat)" if "stat" in metric else ""
    syst = f" ± {cell(metric['syst'])} (syst)" if "syst" in metric else ""
    unit = f" {metric['unit']}" if "unit" in metric else ""
    return metric["name"], metric.get("split", ""), cell(metric["value"]) + unit, (stat + syst).strip()


def _reproducibility(dossier: Dossier) -> str:
    told = []
    for body in dossier.said("audit"):
        held = f" Held back by: {cell(body['held_back'])}." if body.get("held_back") else ""
        told.append(f"Retrainability R{body['level']} of 5, as of {body['done'][:10]}.{held}")
    told += [f"Trained again on {body['done'][:10]}: {cell(body['outcome'])}." for body in dossier.said("retraining")]
    return bullets(told)


def _files(dossier: Dossier) -> str:
    rows = [
        (f"`{cell(file.path)}`", size(file.size), file.facts.format if file.facts else "", f"`{file.digest[:19]}`")
        for file in dossier.files
    ]
    return table(("path", "size", "format", "digest"), rows)


def _contact(dossier: Dossier) -> str:
    authors = [name for body in dossier.said("description") for name in body.get("authors", ())]
    maintainers = list(dossier.profile.maintainers or ()) if dossier.profile else []
    return bullets(dict.fromkeys(map(cell, [*_each(dossier, "contact"), *authors, *maintainers])))
