"""What the first bytes of a file say, where its name leaves it open: a model, what lies beside one, or neither.

Only tell-tale words are looked for; nothing is parsed, and of compressed files only the begin is inflated.
"""

from __future__ import annotations

import re
import zlib

MOST = 64 * 1024
_NUMBERS = re.compile(rb"[-+0-9.eE,;:|\s]+")
_JSON_MODELS = (
    # (format, words that must all be there, words of which none may)
    ("keras-json", (b'"class_name"', b'"config"'), ()),
    ("xgboost-json", (b'"learner"',), ()),
    ("conifer-json", (b'"splitting_convention"',), ()),
    ("conifer-json", (b'"n_trees"', b'"max_depth"'), (b'"objective"',)),
    ("lwtnn-graph-json", (b'"input_sequences"',), ()),
    ("lwtnn-graph-json", (b'"inputs"', b'"offset"', b'"scale"', b'"variables"'), ()),
    ("lwtnn-json", (b'"layers"', b'"bias"'), ()),
    ("lwtnn-json", (b'"layers"', b'"architecture"'), ()),
    ("lwtnn-json", (b'"inputs"', b'"offset"', b'"scale"'), ()),
    ("mxnet-symbol", (b'"nodes"', b'"op"'), ()),
    ("lightgbm-json", (b'"tree_info"',), ()),
    ("catboost-json", (b'"oblivious_trees"',), ()),
    ("tensorflowjs", (b'"modelTopology"',), ()),
)
_SCALED = re.compile(rb'\s*\{\s*"[^"]+"\s*:\s*\{\s*"(?:mean|std|median|scale|offset|min|max|norm_factor)"')
_RUNS = re.compile(rb'\s*\{\s*"\d{6}"\s*:\s*\[\s*\[')
_CORRECTION = re.compile(rb'"(?:corr(?:ections?)?|eta_edges|pt_bins|par0|phi_edges|scale_?factors?|effective_?areas?)"')
_XML_MODELS = (
    ("tmva-xml", rb"<MethodSetup\b"),
    ("pmml", rb"<PMML\b"),
    ("openvino", rb"<net\s"),
    ("trees-xml", rb"<\w+\s[^<>]*\bsplitV(?:ar|al)="),
    ("pandora-xml", rb"<(?:AdaBoostDecisionTree|BoostedDecisionTree|SupportVectorMachine)\b"),
)
_TEXT_MODELS = (
    ("lightgbm-text", rb"tree\r?\n"),
    ("tmva-txt", rb"#GEN -\*-"),
    ("xgboost-text", rb"booster\[0\]"),
    ("tf-graphdef-text", rb"(?:#[^\n]*\n|\s)*node\s*\{"),
)


def inflate(head: bytes) -> bytes:
    """Return the begin of what a gzip file holds, at most 64 KiB; nothing when it is none."""
    try:
        return zlib.decompressobj(31).decompress(head, MOST)
    except zlib.error:
        return b""


def json_kind(head: bytes) -> tuple[str, str]:
    """Return (what, format or reason) of a JSON file: ``model``, ``sidecar`` or ``skip``."""
    for kind, needed, never in _JSON_MODELS:
        if all(word in head for word in needed) and not any(word in head for word in never):
            return "model", kind
    if b'"var_names"' in head or (b'"input_names"' in head and b'"var_infos"' in head):
        return "sidecar", "weaver-preprocess"
    if _SCALED.match(head):
        return "sidecar", "normalisation-dict"
    if _RUNS.match(head):
        return "skip", "a list of runs and lumi sections (JSON)"
    if _CORRECTION.search(head):
        return "skip", "a correction (JSON)"
    return "skip", "a JSON of something else than a known model"


def xml_kind(head: bytes) -> tuple[str, str]:
    """Return (what, format or reason) of an XML file."""
    begin = head[:4096]
    for kind, pattern in _XML_MODELS:
        if re.search(pattern, begin):
            return "model", kind
    return "skip", "an XML of something else than a known model"


def text_kind(head: bytes) -> tuple[str, str]:
    """Return (what, format or reason) of a text file."""
    for kind, pattern in _TEXT_MODELS:
        if re.match(pattern, head):
            return "model", kind
    if re.match(rb"\s*\{\s*\d+\s+Jet", head):
        return "skip", "a correction (text)"
    lines = [line for line in head[:4096].splitlines() if line.strip() and not line.lstrip().startswith(b"#")]
    numeric = sum(_NUMBERS.fullmatch(line) is not None for line in lines)
    if lines and 2 * numeric > len(lines):
        return "skip", "a table of numbers"
    return "skip", "text"


def root_kind(head: bytes) -> tuple[str, str]:
    """Return (what, format or reason) of a ROOT file: the names of classes stand uncompressed in its keys."""
    if b"GBRForest" in head:
        return "model", "gbrforest-root"
    return "skip", "a ROOT file without trees of a known model"


def params_kind(head: bytes) -> tuple[str, str]:
    """Return (what, format) of a ``.params`` file: arrays of MXNet, or the parameters of a training as text."""
    if head.startswith(b"\x12\x01\0\0\0\0\0\0"):
        return "model", "mxnet-params"
    return "sidecar", "training-parameters"


def pbtxt_kind(head: bytes) -> tuple[str, str]:
    """Return (what, format) of a protobuf text that is not called like a configuration."""
    if re.search(rb"^\s*(?:platform\s*:\s*\"ensemble\"|ensemble_scheduling\b)", head, re.MULTILINE):
        return "model", "triton-ensemble"
    if re.search(rb"^\s*(?:platform|backend|max_batch_size)\s*:", head, re.MULTILINE):
        return "sidecar", "triton-config"
    return "model", "tf-graphdef-text"


def yaml_kind(head: bytes) -> tuple[str, str]:
    """Return (what, format or reason) of a YAML file: the variables of weaver, the precisions of hls4ml."""
    if re.search(rb"^(?:HLSConfig|KerasJson|OnnxModel|new_variables|treename)\s*:", head, re.MULTILINE):
        return "sidecar", "config"
    return "skip", "a configuration"


def binary_kind(head: bytes) -> tuple[str, str]:
    """Return (what, format or reason) of a file whose suffix says nothing."""
    if head.startswith((b"binf", b"bs64")):
        return "model", "xgboost-binf"
    if head.startswith(b"CBM1"):
        return "model", "catboost-cbm"
    return "skip", "binary data of no known model"
