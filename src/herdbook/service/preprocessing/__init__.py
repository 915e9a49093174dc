"""Preprocessing: from the facts of sidecars, to files that frameworks read, and applied to arrays."""

from herdbook.model.preprocessing import Exported, Imported, PreparedInput, PreparedOutput, PreprocessingSpec
from herdbook.service.preprocessing.applying import apply
from herdbook.service.preprocessing.contracts import from_spec, to_spec
from herdbook.service.preprocessing.exporting import TARGETS, export
from herdbook.service.preprocessing.importing import FORMATS, prepares, read

__all__ = [
    "FORMATS",
    "TARGETS",
    "Exported",
    "Imported",
    "PreparedInput",
    "PreparedOutput",
    "PreprocessingSpec",
    "apply",
    "export",
    "from_spec",
    "prepares",
    "read",
    "to_spec",
]
