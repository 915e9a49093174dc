"""Where the peer lives: an environment of its own, made from a lock by `make bench`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = str(ROOT / "bench" / "mlflow_peer.py")


def python() -> Path | None:
    """Return the interpreter of the peer's environment, ``None`` where it was not made."""
    path = ROOT / ".cache" / "mlflow" / "bin" / "python"
    return path if path.exists() else None


def scratch() -> str:
    """Return a folder on the disk that is measured, not in memory."""
    folder = ROOT / ".cache" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder) if folder.is_dir() else tempfile.gettempdir()


def missing(what: str, aim: float) -> dict[str, Any]:
    """Return the row of a measurement that has no peer here."""
    note = "MLflow is not installed here; `make bench` installs it"
    return {"what": what, "ours": "", "peer": "", "ratio": None, "aim": f"≥ {aim:g} ×", "met": None, "note": note}
