"""Which files of an unknown tree are models, which lie beside them, and what the others are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from herdbook.service.mapping import fallback_heads as heads
from herdbook.service.mapping.places import parent


@dataclass(frozen=True, slots=True)
class Told:
    """What a file is: ``kind`` a format, ``folder`` where its version begins, ``stem`` empty where that names it.

    A sidecar with a stem goes with the model of that stem where it is there; ``bound``: with no other. ``serial`` is
    the integer folder of a Triton repository that it lies in.
    """

    what: str
    kind: str = ""
    reason: str = ""
    folder: str = ""
    stem: str = ""
    bound: bool = False
    serial: int = 0


_SUFFIXES = {
    "onnx": "onnx",
    "onnx.data": "onnx-data",
    "onnx_data": "onnx-data",
    "pb": "tf-graphdef",
    "graphdef": "tf-graphdef",
    "pb.txt": "tf-graphdef-text",
    "graphdef.txt": "tf-graphdef-text",
    "pt": "torch",
    "pth": "torch",
    "pth.tar": "torch",
    "pt2": "torch-export",
    "ptl": "torch",
    "torchscript": "torch",
    "ckpt": "checkpoint",
    "h5": "keras-h5",
    "hdf5": "keras-h5",
    "keras": "keras-v3",
    "weights.xml": "tmva-xml",
    "weights.txt": "tmva-txt",
    "weights.root": "gbrforest-root",
    "cbm": "catboost-cbm",
    "safetensors": "safetensors",
    "ubj": "xgboost-ubj",
    "bst": "xgboost",
    "model": "xgboost",
    "tflite": "tflite",
    "plan": "tensorrt",
    "engine": "tensorrt",
    "mlmodel": "coreml",
    "pmml": "pmml",
    "pkl": "pickle",
    "pickle": "pickle",
    "joblib": "joblib",
    "skops": "skops",
}
"""What a name's end says beyond doubt; ``.gz`` may follow."""

_SIDECARS = (
    ("triton-config", r"config[^/]*\.pbtxt"),
    ("weaver-preprocess", r"preprocess[^/]*\.json"),
    ("scaler", r"[^/]*scaler[^/]*\.(?:txt|json|csv|pkl|pickle|joblib|npz)"),
    ("labels", r"[^/]*labels?[^/]*\.(?:txt|json|csv)"),
    ("normalisation-dict", r"[^/]*(?:normali[sz]ation|norm_?dict)[^/]*\.(?:json|txt|csv)"),
    ("config", r"[^/]*[._-]config\.(?:json|ya?ml)|[^/]*hls4ml[^/]*\.ya?ml"),
    ("feature-list", r"(?:[^/]*[._-])?(?:features?|variables|input_?vars|inputs)\.(?:txt|json|csv)"),
    ("info", r"model_?(?:info|card)[^/]*\.(?:txt|json|ya?ml)"),
    ("readme", r"readme(?:[._-][^/]*)?|[^/]*\.(?:md|rst)"),
    ("licence", r"(?:licen[cs]e|copying|notice)(?:[._-][^/]*)?"),
    ("tf-checkpoint-state", r"checkpoint"),
    ("tf-metadata", r"keras_metadata\.pb|fingerprint\.pb"),
)
_OWN = re.compile(
    r"(?P<stem>.+?)[._-](?:scaler|labels?|normali[sz]ation|norm_?dict|config|hls4ml|features?|variables|input_?vars|"
    r"inputs)(?![a-z])[^/]*",
    re.IGNORECASE,
)
"""Sidecars that are called like one model of their folder."""

_BOUND = {"features": "feature-list", "impact": "feature-importance"}

_OTHERS = (
    ("code", "py|ipynb|c|cc|cpp|cxx|h|hh|hpp|cu|cuh|sh|csh|java|jl|r|rs|go|js|ts|mk|cmake|tcl|vhd|vhdl|v|sv|xsl|pl"),
    ("a picture", "png|jpe?g|gif|svg|eps|ps|bmp|tiff?|webp|ico"),
    ("a document", "pdf|docx?|xlsx?|pptx?|odt|html?|tex|bib|css"),
    ("a table of numbers", "csv|tsv|dat|hist|lut|mif|coe"),
    ("arrays of numbers (NumPy)", "np[yz]"),
    ("a configuration", "toml|ini|cfg|conf|properties|lock|pbtxt"),
    ("a database", "db|sqlite3?"),
    ("a library or a program", "so|a|o|dylib|exe|dll|jar|pyc"),
    ("an archive, which is not opened", "zip|tar|tgz|tbz2?|txz|7z|bz2|xz|zst|rpm|whl"),
    ("data in columns, no model", "parquet|arrow|feather|orc|lhe|hepmc"),
    ("a checksum", "md5|sha1|sha256|sha512"),
    ("text", "log|out|err|lst|rtf|asc"),
)
_REASONS = [(reason, re.compile(rf"(?:{ends})", re.IGNORECASE)) for reason, ends in _OTHERS]
_BESIDE = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _SIDECARS]
_SAVED_MODEL = re.compile(r"(?P<root>(?:.+/)?)(?:saved_model\.(?:pb|pbtxt)|variables/variables\.[^/]+)")
_SAVED_BESIDE = re.compile(r"(?P<root>(?:.+/)?)(?:assets(?:\.extra)?/.+)")
_SERIAL = re.compile(r"(?P<model>.+)/(?P<serial>[1-9][0-9]{0,2})")
_CHECKPOINT = re.compile(r"(?P<stem>.+)\.(?:index|meta|data-\d{5}-of-\d{5})")
_TELLING = re.compile(
    r"weights|bdt|mva|mlp|dnn|lwtnn|xgb|gbr|conifer|tmva|symbol|model|network|tagger|regress|classif|forest|"
    r"(?<![a-z])id(?![a-z])|\.xml\.gz$",
    re.IGNORECASE,
)
"""Words in a name that decide where the content is absent. XML that is worth compressing is weights as a rule."""

_WEIGHTS = re.compile(r"[._]weights?[._]", re.IGNORECASE)
_SERVED_NOT = frozenset({"tmva-xml", "tmva-txt", "trees-xml", "gbrforest-root"})
"""Formats that no Triton server reads: the integer of their folder is not a version."""

_SILENT = frozenset({"txt", "yaml", "yml"})
"""Suffixes that are never a model for their name alone."""

_OPEN: dict[str, Callable[[bytes], tuple[str, str]]] = {
    "json": heads.json_kind,
    "xml": heads.xml_kind,
    "txt": heads.text_kind,
    "root": heads.root_kind,
    "params": heads.params_kind,
    "pbtxt": heads.pbtxt_kind,
    "yaml": heads.yaml_kind,
    "yml": heads.yaml_kind,
    "bin": heads.binary_kind,
    "weights": heads.binary_kind,
}


def tell(path: str, look: Callable[[], bytes] | None) -> Told:
    """Return what a file is, by its name, and where that leaves it open by its first bytes."""
    folder, name = parent(path), path.rpartition("/")[2]
    if hidden := next((part for part in path.split("/") if part.startswith(".")), ""):
        return Told("skip", reason="settings of git" if hidden.startswith(".git") else "a hidden file")
    if found := _SAVED_MODEL.fullmatch(path):
        return _in_folder(Told("model", "tf-savedmodel", folder=found["root"].rstrip("/")))
    if found := _SAVED_BESIDE.fullmatch(path):
        return _in_folder(Told("sidecar", "tf-assets", folder=found["root"].rstrip("/")))
    for kind, pattern in _BESIDE:
        if pattern.fullmatch(name):
            return _in_folder(_beside(kind, name, folder, look))
    stem, ends = _ends(name)
    if ends in _BOUND:
        return Told("sidecar", _BOUND[ends], folder=folder, stem=stem, bound=True)
    if ends in _SUFFIXES:
        return _in_folder(Told("model", _SUFFIXES[ends], folder=folder, stem=stem))
    if found := _CHECKPOINT.fullmatch(name):
        return Told("model", "tf-checkpoint", folder=folder, stem=found["stem"])
    what, kind = _open(name, ends, look)
    if what == "skip" and name == "model.py" and _SERIAL.fullmatch(folder):
        what, kind = "sidecar", "triton-code"
    if what == "skip":
        return Told("skip", reason=kind)
    bound = what == "sidecar" and kind == "training-parameters"
    if kind == "trees-xml" and stem.isdecimal():
        stem = ""  # trees/10/0.xml: the folder is the forest
    return _in_folder(Told(what, kind, folder=folder, stem=stem if what == "model" or bound else "", bound=bound))


def _beside(kind: str, name: str, folder: str, look: Callable[[], bytes] | None) -> Told:
    """Return a sidecar; one that is called a configuration may yet be an architecture."""
    if kind in {"config", "info"} and name.lower().endswith(".json"):
        head = look() if look else b""
        what, other = heads.json_kind(head)
        if what == "model":
            return Told("model", other, folder=folder, stem=_ends(name)[0])
    if kind == "triton-config" and look and heads.pbtxt_kind(look())[1] == "triton-ensemble":
        return Told("model", "triton-ensemble", folder=folder)
    own = _OWN.fullmatch(name)
    return Told("sidecar", kind, folder=folder, stem=own["stem"] if own else "")


def _open(name: str, ends: str, look: Callable[[], bytes] | None) -> tuple[str, str]:
    """Return (what, format or reason) of a file whose name leaves it open."""
    last = ends.rpartition(".")[2]
    if last in _OPEN:
        if re.search(r"-symbol\.json$|-\d{4}\.params$", name):
            return "model", "mxnet-symbol" if last == "json" else "mxnet-params"
        if look is None:
            return _by_name(name, last)
        head = look()
        if name.lower().endswith(".gz"):
            head = heads.inflate(head)
        if not head:
            return "skip", "an empty file, or one that is broken"
        what, kind = _OPEN[last](head)
        if what == "skip" and last == "root" and "gbrforest" in name.lower():
            return "model", "gbrforest-root"
        if what == "skip" and last == "txt" and re.search(r"lut(?![a-z])|lut$", name[:-4], re.IGNORECASE):
            return what, "a look-up table"
        return what, kind
    for reason, pattern in _REASONS:
        if pattern.fullmatch(last):
            return "skip", reason
    if name.lower().endswith(".gz"):
        return "skip", "compressed data of no known model"
    if name.lower() in {"makefile", "dockerfile", "jenkinsfile", "snakefile"}:
        return "skip", "code"
    return "skip", "a file of no known kind"


def _by_name(name: str, last: str) -> tuple[str, str]:
    """Return (what, format or reason) of a file whose name leaves it open and whose content is absent."""
    if last == "txt" and _WEIGHTS.search(name):
        return "model", "tmva-txt"
    if last not in _SILENT and _TELLING.search(name):
        return ("sidecar", "training-parameters") if last == "params" else ("model", last)
    return "skip", f"a .{last} file whose content is not here"


def _ends(name: str) -> tuple[str, str]:
    """Return (stem, what it ends in), without ``.gz`` and without what ties parts of one model together."""
    plain = re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)
    stem, _, last = plain.rpartition(".")
    if not stem:
        return plain, ""
    ends = last.lower()
    before, _, longer = stem.rpartition(".")
    if before and f"{longer.lower()}.{ends}" in _SUFFIXES:
        stem, ends = before, f"{longer.lower()}.{ends}"
    if ends == "json":
        stem = re.sub(r"-symbol$", "", stem)
    if ends == "params":
        stem = re.sub(r"-\d{4}$", "", stem)
    return re.sub(r"[._-]weights?(?=$|[._-])", "", stem, flags=re.IGNORECASE) or stem, ends


def _in_folder(told: Told) -> Told:
    """Return the same in ``X`` for what lies in ``X/1``, as Triton has it."""
    folder = told.folder
    if told.kind == "tf-savedmodel" and folder.endswith("/model.savedmodel"):
        folder = parent(folder)
    found = _SERIAL.fullmatch(folder)
    if found is None or told.kind in _SERVED_NOT:
        return told
    return Told(told.what, told.kind, folder=found["model"], bound=told.bound, serial=int(found["serial"]))
