"""What is told once: random states and flags when training begins; libraries, code and how it ended at the end."""

from __future__ import annotations

import os
import sys

from .guard import quietly
from .lines import encode
from .opens import is_noise

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from .sessions import Session

VARIABLES = (
    *("PYTHONHASHSEED", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "CUBLAS_WORKSPACE_CONFIG", "XLA_FLAGS"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "MKL_CBWR"),
    *("NVIDIA_TF32_OVERRIDE", "CUDA_VISIBLE_DEVICES", "CUDA_LAUNCH_BLOCKING", "PYTORCH_CUDA_ALLOC_CONF"),
)
_MOST_MODULES = 20_000


def random_state(session: Session) -> None:
    """Tell digests of the states of the random generators that are there. Reading them changes none."""
    readers = (("random", "random", _python), ("numpy", "numpy.random", _numpy), ("torch", "torch", _torch))
    for name, module, read in readers:
        loaded = sys.modules.get(module)
        if loaded is None:
            continue
        try:
            digest = _sha256(read(loaded))
        except Exception:
            continue
        session.once("random-state", (name, digest), name=name, sha256=digest)


def _python(module: Any) -> bytes:
    """Return version, 625 words and the stored Gaussian number as JSON."""
    return encode(module.getstate()).encode("ascii")


def _numpy(module: Any) -> bytes:
    """Return the state of the global generator as JSON, its key as hex digits of the words as they lie in memory."""
    return encode(_written(module.get_state(legacy=False))).encode("ascii")


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _written(value[key]) for key in sorted(value)}
    return value.tobytes().hex() if hasattr(value, "tobytes") else value


def _torch(module: Any) -> bytes:
    """Return the 5056 bytes of the CPU's default generator."""
    return bytes(module.random.get_rng_state().tolist())


def _sha256(data: bytes) -> str:
    """Return the digest; the accelerators of ``hashlib`` are asked, whose names no module of a training has."""
    for name in ("_sha2", "_sha256"):
        try:
            made: Callable[[bytes], Any] = __import__(name).sha256
        except ImportError:
            continue
        return str(made(data).hexdigest())
    return str(__import__("_hashlib").openssl_sha256(data).hexdigest())


def flags(session: Session) -> None:
    """Tell what decides whether the same training gives the same bytes; a flag that changed is told again."""
    found: list[tuple[str, object]] = [(name, os.environ[name]) for name in VARIABLES if name in os.environ]
    found.append(("python.hash_randomization", bool(sys.flags.hash_randomization)))
    torch = sys.modules.get("torch")
    if torch is not None:
        found.extend(quietly_or_now(_torch_flags, torch))
    tensorflow = sys.modules.get("tensorflow.python.framework.config")
    if tensorflow is not None:
        found.extend(quietly_or_now(_tensorflow_flags, tensorflow))
    for name, value in found:
        text = value if isinstance(value, str) else encode(value)
        session.once("flag", (name, text), name=name, value=text)


def _torch_flags(torch: Any) -> list[tuple[str, object]]:
    cudnn = torch.backends.cudnn
    return [
        ("torch.deterministic_algorithms", bool(torch.are_deterministic_algorithms_enabled())),
        ("torch.deterministic_warn_only", bool(torch.is_deterministic_algorithms_warn_only_enabled())),
        ("torch.cudnn.deterministic", bool(cudnn.deterministic)),
        ("torch.cudnn.benchmark", bool(cudnn.benchmark)),
        ("torch.num_threads", int(torch.get_num_threads())),
        ("torch.default_dtype", str(torch.get_default_dtype())),
    ]


def _tensorflow_flags(config: Any) -> list[tuple[str, object]]:
    return [
        ("tensorflow.op_determinism", bool(config.is_op_determinism_enabled())),
        ("tensorflow.tensor_float_32", bool(config.tensor_float_32_execution_enabled())),
        ("tensorflow.inter_op_threads", int(config.get_inter_op_parallelism_threads())),
        ("tensorflow.intra_op_threads", int(config.get_intra_op_parallelism_threads())),
    ]


def quietly_or_now(function: Callable[[Any], list[tuple[str, object]]], module: Any) -> list[tuple[str, object]]:
    """Return what the function returns, nothing when it fails."""
    try:
        return function(module)
    except Exception:
        return []


def libraries(session: Session) -> None:
    """Tell the version of every installed package of which a module is loaded, without importing anything."""
    folders: dict[str, dict[str, str]] = {}
    for name, module in _modules():
        if "." in name or name.startswith("_"):
            continue
        file = vars(module).get("__file__")
        if not isinstance(file, str) or not ("/site-packages/" in file or "/dist-packages/" in file):
            continue
        version = vars(module).get("__version__")
        if not isinstance(version, str):
            at = os.path.dirname(file)
            at = os.path.dirname(at) if os.path.basename(file).startswith("__init__.") else at
            if at not in folders:
                folders[at] = _distributions(at)
            version = folders[at].get(name.lower().replace("-", "_"))
        if version:
            session.once("library", name, name=name, version=version[:200])


def _distributions(folder: str) -> dict[str, str]:
    """Return version by name of what a folder of packages says of itself."""
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    found = [name[: -len(".dist-info")].rpartition("-") for name in names if name.endswith(".dist-info")]
    return {name.lower().replace("-", "_").replace(".", "_"): version for name, _, version in found}


def code(session: Session) -> None:
    """Tell of the modules that are neither Python's nor of an installed package: the author's own."""
    for _, module in _modules():
        file = vars(module).get("__file__")
        if not isinstance(file, str):
            continue
        path = os.path.abspath(file)
        if is_noise(path):
            continue
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            continue
        session.once(
            "open", (path, "r"), path=path, mode="r", via="import", size=found.st_size, mtime_ns=found.st_mtime_ns
        )


def _modules() -> list[tuple[str, ModuleType]]:
    kind = type(sys)
    loaded = list(sys.modules.items())[:_MOST_MODULES]
    return [(name, module) for name, module in loaded if isinstance(module, kind)]


def end(session: Session, status: str, exception: str | None) -> None:
    """Tell all that is told at the end, and write what waits."""
    # A worker's flags are not those of the training (it has one thread); a forked one's libraries are its parent's.
    tells = [flags] if session.how is None or session.trained else []
    for tell in tells + ([libraries, code] if session.how != "fork" else []):
        try:
            tell(session)
        except Exception:
            continue
    session.put("end", status=status, exception=exception)
    session.flush()


def failure() -> str | None:
    """Return the exception that ended the interpreter, None when there was none.

    The interpreter keeps it before it prints it. Of ``SystemExit`` it keeps nothing.
    """
    kind, value = getattr(sys, "last_type", None), getattr(sys, "last_value", None)
    if kind is None:
        return None
    text = quietly(str, value)
    return (f"{kind.__name__}: {text}" if text else str(kind.__name__))[:2000]
