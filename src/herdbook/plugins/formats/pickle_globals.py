"""Names that a pickle may import without more being said of it. What is not here is an error, whatever it is called.

A list of what is allowed, not of what is forbidden: the names that can be misused have no end (`getattr`, `timeit`,
`numpy.testing`, `torch.hub` …). Exact names only: a dotted one could reach through a module into another.
"""

from __future__ import annotations

import _compat_pickle
import re

from herdbook.model.facts import Severity
from herdbook.plugins.formats.pickle_nodes import Global

_DTYPES = (
    "bfloat16 bool complex32 complex64 complex128 float16 float32 float64 float8_e4m3fn float8_e4m3fnuz float8_e5m2"
    " float8_e5m2fnuz float8_e8m0fnu int8 int16 int32 int64 uint8 uint16 uint32 uint64 qint8 qint32 quint8 quint2x4"
    " quint4x2 per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine"
    " per_tensor_symmetric"
)
_KINDS = (
    "BFloat16 Bool Byte Char ComplexDouble ComplexFloat Double Float Half Int Long QInt32 QInt8 QUInt2x4 QUInt4x2"
    " QUInt8 Short"
)
_TORCH = {
    "torch": (
        f"{_DTYPES} Size Tensor device {' '.join(f'{kind}Storage {kind}Tensor' for kind in _KINDS.split())}"
    ).split(),
    "torch.cuda": " ".join(f"{kind}Storage {kind}Tensor" for kind in _KINDS.split()).split(),
    "torch._utils": [
        *("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter"),
        *("_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_nested_tensor"),
        *("_rebuild_meta_tensor_no_storage", "_rebuild_device_tensor_from_numpy"),
        *("_rebuild_device_tensor_from_cpu_tensor", "_rebuild_wrapper_subclass"),
    ],
    "torch._tensor": ["_rebuild_from_type_v2"],
    "torch.nn.parameter": ["Parameter"],
    "torch.serialization": ["_get_layout"],
    "torch.storage": ["TypedStorage", "UntypedStorage"],
}
WEIGHTS_ONLY: frozenset[tuple[str, str]] = frozenset(
    {
        *((module, name) for module, names in _TORCH.items() for name in names),
        *(("builtins", name) for name in ("bytearray", "complex", "set")),
        ("_codecs", "encode"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
    }
)
"""What `torch.load(weights_only=True)` of PyTorch 2.13 takes, in so far as files are written with it."""

_SCALARS = "bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128 str_"
_NUMPY = {
    "numpy.core.multiarray": ["_reconstruct", "scalar"],
    "numpy._core.multiarray": ["_reconstruct", "scalar"],
    "numpy.core.numeric": ["_frombuffer"],
    "numpy._core.numeric": ["_frombuffer"],
    "numpy": ["dtype", "ndarray", *_SCALARS.split(), "bytes_", "longlong", "datetime64", "timedelta64"],
    "numpy.dtypes": [f"{kind}DType" for kind in ("Bool", "Int32", "Int64", "Float32", "Float64", "Object", "Str")],
    "numpy.random": ["__RandomState_ctor"],
    "numpy.random._pickle": ["__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor"],
    "numpy.random._mt19937": ["MT19937"],
    "numpy.random._pcg64": ["PCG64"],
}
_PYTHON = {
    "builtins": [
        *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range"),
        *("set", "slice", "str", "tuple"),
    ],
    "_codecs": ["encode"],
    "collections": ["Counter", "OrderedDict", "defaultdict", "deque"],
    "copyreg": ["_reconstructor"],
    "datetime": ["date", "datetime", "time", "timedelta", "timezone"],
    "decimal": ["Decimal"],
    "fractions": ["Fraction"],
    "uuid": ["UUID"],
    "pathlib": ["Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"],
    "joblib.numpy_pickle": ["NumpyArrayWrapper"],
}
ALLOWED: frozenset[tuple[str, str]] = WEIGHTS_ONLY | {
    (module, name) for table in (_NUMPY, _PYTHON) for module, names in table.items() for name in names
}
"""(module, name), as Python 3 calls them: they build data, and nothing that was seen abuses them."""

SCRIPT: frozenset[tuple[str, str]] = frozenset(
    ("torch.jit._pickle", name)
    for name in ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist", "restore_type_tag")
)
"""What TorchScript writes besides; classes below `__torch__` are defined in the archive itself."""

_SKLEARN = (
    "calibration cluster compose covariance cross_decomposition decomposition discriminant_analysis dummy ensemble"
    " feature_extraction feature_selection gaussian_process impute isotonic kernel_approximation kernel_ridge"
    " linear_model manifold metrics mixture model_selection multiclass multioutput naive_bayes neighbors"
    " neural_network pipeline preprocessing random_projection semi_supervised svm tree _loss"
)
_CLASS = r"[A-Z][A-Za-z0-9]{2,60}"
_MODULES = r"(?:\.[a-z_][a-z0-9_]{0,40}){0,3}"
KNOWN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("scikit-learn", re.compile(rf"sklearn\.(?:{'|'.join(_SKLEARN.split())}){_MODULES}:_?{_CLASS}")),
    ("scikit-learn", re.compile(r"sklearn\.utils\._bunch:Bunch")),
    ("PyTorch", re.compile(rf"torch\.nn\.modules\.[a-z_]{{2,30}}:{_CLASS}")),
)
"""Classes of libraries, by pattern: their code comes with the library, but loading runs it, and nobody has gone
through all of it. Said, as a warning."""


def library(found: Global) -> str:
    """Return the library of whose classes this is one; empty when it is none that is known."""
    text = f"{found.module}:{found.name}"
    return next((name for name, pattern in KNOWN if pattern.fullmatch(text)), "")


def judge(found: Global, *, script: bool = False) -> Severity | None:
    """Return how bad it is that a pickle names this; None when it is on the list.

    Args:
        found: the name.
        script: whether it stands in a TorchScript archive, which brings classes of its own.
    """
    pair = python3(found)
    if pair in ALLOWED or (script and (pair in SCRIPT or found.module.partition(".")[0] == "__torch__")):
        return None
    return Severity.WARNING if library(found) else Severity.ERROR


def python3(found: Global) -> tuple[str, str]:
    """Return module and name as Python 3 has them: names in pickles of Python 2 are translated when loaded."""
    pair = (found.module, found.name)
    if pair in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[pair]
    return _compat_pickle.IMPORT_MAPPING.get(found.module, found.module), found.name
