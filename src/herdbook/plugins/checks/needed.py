"""Files that others need beside them: weights of ONNX, parts of checkpoints, variables and assets of SavedModels.

What is needed is in the facts; what is there, only the version knows: the same bytes lie in many folders.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from herdbook.kernel import paths
from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks.looking import Read, files
from herdbook.ports.checks import Subject

ABSENT = Rule(id="external-data-missing", title="A file of weights is missing", severity=Severity.ERROR)
SHORT = Rule(id="external-data-short", title="A file of weights is too short", severity=Severity.ERROR)
INDEX = Rule(id="index-missing", title="Weights of a checkpoint without its index", severity=Severity.WARNING)
SHARD = Rule(id="shard-missing", title="A file of a checkpoint's weights is missing", severity=Severity.WARNING)
SHARD_SHORT = Rule(id="shard-short", title="A file of a checkpoint's weights is too short", severity=Severity.ERROR)
VARIABLES = Rule(id="variables-missing", title="A SavedModel without its variables", severity=Severity.WARNING)
ASSET = Rule(id="asset-missing", title="A SavedModel without one of its assets", severity=Severity.WARNING)
RULES = (ABSENT, SHORT, INDEX, SHARD, SHARD_SHORT, VARIABLES, ASSET)

_DATA = re.compile(r"^(.+)\.data-\d{5}-of-\d{5}$")
_MOST = 1000
"""Assets of one SavedModel that are told."""


def look(subject: Subject) -> Iterator[Finding]:
    """Yield what files need and the version does not have."""
    there = {view.path: view.size for view in subject.files}
    for file in files(subject, ("onnx", "qonnx")):
        folder = posixpath.dirname(file.path)
        for location, least in (file.values.get("external_data_bytes") or {}).items():
            target = posixpath.normpath(posixpath.join(folder, location))
            yield from _long_enough(file, target, least, there, (ABSENT, SHORT), "/external_data")
    for file in files(subject, ("tf-checkpoint-index",)):
        prefix = file.path.removesuffix(".index")
        for part, least in (file.values.get("shard_bytes") or {}).items():
            yield from _long_enough(file, f"{prefix}.{part}", least, there, (SHARD, SHARD_SHORT), "/shard_bytes")
    for path in there:
        if (found := _DATA.match(path)) and f"{found[1]}.index" not in there:
            name = posixpath.basename(found[1])
            message = f"there is no {name}.index beside it, without which the weights cannot be read"
            yield INDEX.found(message, path=path)
    for file in files(subject, ("tf-savedmodel",)):
        yield from _saved_model(file, there)


def _long_enough(
    file: Read, target: str, least: int, there: Mapping[str, int | None], rules: tuple[Rule, Rule], where: str
) -> Iterator[Finding]:
    """Yield a finding of the first rule when a file is not there, of the second when it is too short."""
    if target not in there:
        yield rules[0].found(f"{target[-200:]!r} is not among the files", path=file.path, where=where)
    elif (size := there[target]) is not None and size < least:
        message = f"{target[-200:]!r} has {size} bytes; {posixpath.basename(file.path)} reads up to {least}"
        yield rules[1].found(message, path=file.path, where=where)


def _saved_model(file: Read, there: Mapping[str, int | None]) -> Iterator[Finding]:
    folder = posixpath.dirname(file.path)
    if "tensors" in file.values and posixpath.join(folder, "variables/variables.index") not in there:
        message = (
            "the graph has variables, but there is no variables/variables.index beside it: the weights are missing"
        )
        yield VARIABLES.found(message, path=file.path, where="/tensors")
    assets = (
        (f"/meta_graphs/{number}/assets", str(asset["filename"]))
        for number, meta in enumerate(file.values.get("meta_graphs") or ())
        for asset in meta["assets"]
    )
    absent = ((where, name) for where, name in assets if _asset(folder, name) not in there)
    for (where, name), _ in zip(absent, range(_MOST), strict=False):
        yield ASSET.found(f"the asset {name[:200]!r} is not among the files", path=file.path, where=where)


def _asset(folder: str, name: str) -> str:
    return posixpath.join(folder, "assets", paths.escape(name.encode()))
