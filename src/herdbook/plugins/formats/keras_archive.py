"""Keras 3's `.keras`: a zip archive of a configuration, what saved it, and HDF5 with the weights.

Source: `saving_lib.py` of Keras 3.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import HerdbookError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats import hdf5_tree, keras_h5
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.keras_facts import ModelFacts

if TYPE_CHECKING:
    from herdbook.plugins.formats.zip_archive import Archive
    from herdbook.ports.formats import Listing

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MAX_CONFIG = 16 * 1024 * 1024
_MAX_WEIGHTS = 64 * 1024 * 1024


def fits(content: Archive, path: str) -> bool:
    """Say whether it has the members of a Keras archive."""
    del path
    return _CONFIG in content and _METADATA in content


def read(content: Archive, path: str, listing: Listing) -> Content:
    """Read the facts.

    Raises:
        CorruptError: when a member is damaged.
        InvalidError: when a member is larger than this reader takes.
    """
    del path, listing
    metadata = keras_h5.parse(content.read(_METADATA, _MAX_CONFIG))
    facts = ModelFacts(keras_h5.parse(content.read(_CONFIG, _MAX_CONFIG)), 3)
    values: dict[str, Any] = {
        **facts.values(),
        "metadata": {key: value for key, value in metadata.items() if isinstance(value, str | int | float)},
        "members": {name: content.size(name) for name in content.names[:1000]},
    }
    findings = [*facts.findings]
    if _WEIGHTS in content:
        built = values.pop("parameters", None)
        values |= _weights(content, findings)
        if built is not None and values.get("parameters", built) != built:
            message = f"the layers have {built} weights, the file has {values['parameters']}"
            findings.append(
                Finding(rule="weights-differ", severity=Severity.NOTE, message=message, where="/parameters")
            )
        elif built is not None:
            values.setdefault("parameters", built)
    else:
        message = f"there is no {_WEIGHTS}; the archive has no weights that can be told"
        findings.append(Finding(rule="weights-missing", severity=Severity.WARNING, message=message))
    where = {"/layers": f"member {_CONFIG}", "/inputs": f"member {_CONFIG}", "/tensors": f"member {_WEIGHTS}"}
    return Content("keras-v3", values, Safety.GUARDED, where, tuple(findings))


def _weights(content: Archive, findings: list[Finding]) -> dict[str, Any]:
    """Return the weights; where they cannot be read, a finding says why, and the configuration still stands."""
    try:
        with content.open(_WEIGHTS, _MAX_WEIGHTS) as stream, hdf5_tree.opened(stream) as tree:
            found = keras_h5.weights_v3(tree, keras_h5.COUNTED_V3)
            findings += tree.findings
            return found
    except HerdbookError as error:
        findings.append(Finding(rule=error.code, severity=Severity.ERROR, message=str(error), where="/tensors"))
        return {}
