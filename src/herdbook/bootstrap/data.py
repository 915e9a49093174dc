"""Which readers of data there are, and what opens a file with them: in worker processes, with limits."""

from __future__ import annotations

from importlib.metadata import entry_points

from herdbook.ports.dataset_readers import DataFiles

GROUP = "herdbook.data"
_AT = "herdbook.plugins.data."
BUILT_IN = {
    "root": _AT + "root:Root",
    "parquet": _AT + "parquet:Parquet",
    "hdf5": _AT + "hdf5:Hdf5",
    "npz": _AT + "npz:Npz",
    "csv": _AT + "csv:Csv",
}
"""What is there even where the entry points of the installation are older than the code."""


def readers() -> dict[str, str]:
    """Return ``module:Class`` of all readers by name: of other distributions first, text tables last."""
    found = {point.name: point.value for point in sorted(entry_points(group=GROUP), key=lambda each: each.name)}
    others = {name: target for name, target in found.items() if name not in BUILT_IN}
    return {**others, **BUILT_IN}


def open_files() -> DataFiles:
    """Return what opens any file that a reader knows; close it in the end."""
    from herdbook.plugins.host.data_reading import GuardedFiles  # noqa: PLC0415 - only a look at data needs it

    return GuardedFiles(readers())
