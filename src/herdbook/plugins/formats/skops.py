"""skops: scikit-learn models as a zip archive of a schema in JSON and of arrays. Classes are named, never looked up.

After `skops/io` (protocols 0 to 2): each node of `schema.json` names its class, module and loader.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.pickle_globals import ALLOWED, library
from herdbook.plugins.formats.pickle_nodes import Global

if TYPE_CHECKING:
    from collections.abc import Iterator

    from herdbook.plugins.formats.zip_archive import Archive
    from herdbook.ports.formats import Listing

MAX_SCHEMA = 16 * 1024 * 1024
MAX_NODES = 500_000
MAX_CLASSES = 1000
_MAX_SAID = 50
_TEXT = 1000
_UFUNCS = (
    "absolute add arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cos cosh deg2rad divide exp exp2 expm1 fabs"
    " floor log log10 log1p log2 maximum minimum multiply negative positive power rad2deg reciprocal rint sign sin"
    " sinh sqrt square subtract tan tanh trunc"
)
_KNOWN = frozenset(
    {
        *(("numpy", name) for name in _UFUNCS.split()),
        *(("numpy.random", name) for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")),
        *(("numpy.random.mtrand", "RandomState"), ("numpy.random._generator", "Generator")),
        *(
            ("numpy.ma", "MaskedArray"),
            ("numpy.ma.core", "MaskedArray"),
            ("builtins", "NoneType"),
            ("builtins", "type"),
        ),
        *(
            (f"scipy.sparse._{kind}", f"{kind}_{what}")
            for kind in ("csr", "csc", "coo")
            for what in ("matrix", "array")
        ),
    }
)
_COUNTS = ("n_features_in_", "n_outputs_", "n_classes_", "n_estimators_", "n_estimators")


def fits(content: Archive, path: str) -> bool:
    """Say whether a schema lies in the archive, and it is called so or begins as one of skops."""
    if "schema.json" not in content:
        return False
    return path.lower().endswith(".skops") or b'"__class__"' in content.head("schema.json", 200)


def read(content: Archive, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of all kinds
    """Read the classes that it names, and what the outermost estimator says of itself.

    Raises:
        CorruptError: when the schema is not there, or is no schema.
        InvalidError: when it is larger than this reader goes.
    """
    try:
        schema = from_json(content.read("schema.json", MAX_SCHEMA))
    except ValueError as error:
        raise CorruptError(f"the schema of {path} is not JSON: {error}", code="skops-schema") from error
    if not isinstance(schema, dict) or not isinstance(schema.get("__class__"), str):
        raise CorruptError(f"the schema of {path} names no class", code="skops-schema")
    named: Counter[tuple[str, str]] = Counter()
    files: set[str] = set()
    for node in _nodes(schema, path):
        pair = (str(node.get("__module__"))[:_TEXT], str(node["__class__"])[:_TEXT])
        named[pair] += 1
        if isinstance(node.get("file"), str):
            files.add(node["file"])
    values: dict[str, Any] = {
        "python_type": f"{schema.get('__module__')}.{schema['__class__']}"[:_TEXT],
        "class_counts": {f"{module}.{name}": count for (module, name), count in sorted(named.items())[:MAX_CLASSES]},
        **_estimator(schema),
    }
    unknown = sorted(f"{m}.{n}" for m, n in named if not _known(m, n))
    values["types_not_known"] = unknown[:MAX_CLASSES]
    if isinstance(schema.get("_skops_version"), str):
        values["producer"] = {"name": "skops", "version": schema["_skops_version"][:_TEXT]}
    if isinstance(schema.get("protocol"), int):
        values["protocol"] = schema["protocol"]
    findings = tuple(_findings(unknown, files - set(content.names)))
    return Content("skops", values, Safety.GUARDED, {"/class_counts": "member schema.json"}, findings)


def _findings(unknown: list[str], missing: set[str]) -> Iterator[Finding]:
    for name in unknown[:_MAX_SAID]:
        message = f"loading it would use {name}, which is no class of scikit-learn, numpy or scipy that is known"
        yield Finding(rule="skops-type", severity=Severity.ERROR, message=message, where="/types_not_known")
    if len(unknown) > _MAX_SAID:
        message = f"and {len(unknown) - _MAX_SAID} more types that are not known"
        yield Finding(rule="skops-type", severity=Severity.ERROR, message=message, where="/types_not_known")
    if missing:
        message = f"{len(missing)} arrays that the schema names are not in the archive, {min(missing)[:200]} for one"
        yield Finding(rule="skops-missing-array", severity=Severity.ERROR, message=message)


def _known(module: str, name: str) -> bool:
    return (module, name) in ALLOWED or (module, name) in _KNOWN or library(Global(module, name)) == "scikit-learn"


def _nodes(root: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
    """Yield every object of the schema that names a class."""
    waiting: list[Any] = [root]
    seen = 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > MAX_NODES:
            raise InvalidError(f"the schema of {path} has more than {MAX_NODES} nodes", code="skops-too-large")
        if isinstance(node, dict):
            if isinstance(node.get("__class__"), str):
                yield node
            waiting.extend(each for each in node.values() if isinstance(each, dict | list))
        elif isinstance(node, list):
            waiting.extend(each for each in node if isinstance(each, dict | list))


def _estimator(schema: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    version = _plain(_attribute(schema, "_sklearn_version"))
    if isinstance(version, str):
        values["sklearn_version"] = version[:_TEXT]
    for key in _COUNTS:
        count = _plain(_attribute(schema, key))
        if isinstance(count, int) and not isinstance(count, bool):
            values[key.rstrip("_")] = count
    names = [_plain(each) for each in _items(_attribute(schema, "feature_names_in_"))]
    if names and all(isinstance(each, str) for each in names):
        values["features"] = [{"name": str(each)[:_TEXT]} for each in names[:10_000]]
    steps = [_items(each) for each in _items(_attribute(schema, "steps"))[:1000]]
    if steps and all(len(each) == 2 and isinstance(each[1], dict) for each in steps):
        values["steps"] = [
            {"name": str(_plain(name))[:_TEXT], "class": f"{step.get('__module__')}.{step.get('__class__')}"[:_TEXT]}
            for name, step in steps
        ]
    return values


def _attribute(node: Any, key: str) -> Any:  # noqa: ANN401 - any JSON
    for _ in range(2):  # an object holds a dictionary of its attributes, which holds them
        node = node.get("content") if isinstance(node, dict) else None
    return node.get(key) if isinstance(node, dict) else None


def _items(node: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    found = node.get("content") if isinstance(node, dict) else None
    return found if isinstance(found, list) else []


def _plain(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the number or text of a node that holds JSON."""
    said = node.get("content") if isinstance(node, dict) and node.get("is_json") is True else None
    if not isinstance(said, str) or len(said) > 10 * _TEXT:
        return None
    try:
        return from_json(said)
    except ValueError:
        return None
