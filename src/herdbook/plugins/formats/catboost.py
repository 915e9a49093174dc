"""CatBoost's cbm: features, classes, objective and parameters, without trees and tables of categories.

Source: CatBoost's schemas model.fbs and features.fbs. The file is ``CBM1``, the size of a flatbuffer (uint32), the
flatbuffer, then tables of categories, texts and embeddings, which are not read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Facts, Probe
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.flatbuffer import Flatbuffer
from herdbook.plugins.formats.kept import MAX_ITEMS, Kept

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

MAGIC = b"CBM1"
_CORE_TREES, _CORE_INFO = 1, 2
_DIMENSION, _TREE_SIZES, _SCALE, _BIAS = 0, 2, 14, 16
_KINDS = {"float": (5, 4), "categorical": (4, 2), "text": (12, 2), "embedding": (18, 2)}
"""Kind of feature → its vector's field in the trees, its name's field in the feature's table."""
_FLAT_INDEX = {"float": 2, "categorical": 1, "text": 1, "embedding": 1}
_KEPT = ("model_guid", "train_finish_time", "catboost_version_info", "class_params")
_VERSION = re.compile(r"\btags/v(\d+(?:\.\d+)*)")
_MAX_TEXT = 1024 * 1024


class Catboost:
    """The reader of CatBoost's own format."""

    name = "catboost"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:  # noqa: ARG002 - the port's signature
        """Recognise the magic."""
        return Probe(format="catboost-cbm") if file.read_at(0, 4) == MAGIC else None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the facts.

        Raises:
            CorruptError: when a place lies outside of the file.
            InvalidError: when there are more tables than this reader walks over.
        """
        head = file.read_at(0, 8)
        size = int.from_bytes(head[4:], "little")
        if head[:4] != MAGIC or len(head) < 8 or size > file.size - 8:
            raise CorruptError(
                f"{path} should have {size} bytes of model, and has {max(file.size - 8, 0)}",
                code="flatbuffer-cut",
                hint="Fetch it again; it was cut short.",
            )
        core = Flatbuffer(file, 8, size)
        root = core.root()
        trees = core.table(root, _CORE_TREES)
        if not trees:
            raise CorruptError(f"{path} has no trees", code="catboost-bad-model")
        kept = Kept(text=_MAX_TEXT)
        count = core.length(trees, _TREE_SIZES)
        values: dict[str, Any] = {"trees": count, "n_trees": count, **_features(core, trees, kept)}
        dimension = core.field(trees, _DIMENSION)
        values["approx_dimension"] = core.number(dimension) if dimension else 0
        scale = core.field(trees, _SCALE)
        values["scale"] = kept.number(core.real(scale)) if scale else 1.0  # the schema's default
        values["bias"] = [kept.number(each) for each in core.reals(trees, _BIAS, MAX_ITEMS)]
        info = {
            core.text(each, 0, 1024) or "": core.text(each, 1, _MAX_TEXT) or ""
            for each in core.tables(root, _CORE_INFO, 1000)
        }
        values |= _said(info, kept)
        if format_ := core.text(root, 0, 100):
            values["file_version"] = format_
        content = Content("catboost-cbm", values, findings=kept.findings, where=_WHERE)
        return content.facts(self.name, self.version)


_: type[Format] = Catboost

_WHERE = {
    "/features": "ModelTrees.FloatFeatures, CatFeatures …",
    "/trees": "ModelTrees.TreeSizes",
    "/objective": "InfoMap params",
    "/classes": "InfoMap class_params",
    "/metadata": "InfoMap",
}


def _features(core: Flatbuffer, trees: int, kept: Kept) -> dict[str, Any]:
    """Return the features in the order in which a row has them (their flat index).

    A feature without a name has its index for one, as CatBoost says it.
    """
    found: list[tuple[int, str, str]] = []
    total = 0
    for kind, (vector, name) in _KINDS.items():
        total += core.length(trees, vector)
        for each in core.tables(trees, vector, MAX_ITEMS):
            at = core.field(each, _FLAT_INDEX[kind])
            index = core.number(at) if at else -1
            found.append((index, core.text(each, name, 1024) or str(index), kind))
    found.sort()
    categorical = [index for index, _, kind in found if kind == "categorical"]
    return {
        "num_features": total,
        "features": kept.items([{"name": name} for _, name, _ in found], "features"),
        "feature_types": kept.items([kind for _, _, kind in found], "features"),
        "categorical_features": kept.items(categorical, "categorical features"),
    }


def _said(info: dict[str, str], kept: Kept) -> dict[str, Any]:
    """Return what CatBoost writes about the training: objective, classes, parameters, version, date."""
    values: dict[str, Any] = {"metadata": {key: info[key] for key in _KEPT if key in info}}
    if version := _VERSION.search(info.get("catboost_version_info", "")):
        values["producer"] = {"name": "catboost", "version": version[1]}
    classes = _parsed(info.get("class_params", "")).get("class_names")
    if isinstance(classes, list) and classes:
        values["classes"] = [str(each) for each in kept.items(classes, "classes")]
    params = _parsed(info.get("params", ""))
    loss = params.get("loss_function")
    if isinstance(loss, dict) and isinstance(loss.get("type"), str):
        said = loss.get("params")
        said = said if isinstance(said, dict) else {}
        more = ";".join(f"{key}={each}" for key, each in said.items() if not key.startswith("__"))
        values["objective"] = f"{loss['type']}:{more}" if more else loss["type"]
    options = {
        f"{group}.{key}": each if isinstance(each, str) else _text(each)
        for group in ("boosting_options", "tree_learner_options")
        if isinstance(params.get(group), dict)
        for key, each in params[group].items()
        if isinstance(each, str | int | float)
    }
    if isinstance(params.get("random_seed"), int):
        options["random_seed"] = _text(params["random_seed"])
    if options:
        values["options"] = kept.texts(options, "options")
    return values


def _text(value: float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = from_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
