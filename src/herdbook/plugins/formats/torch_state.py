"""PyTorch checkpoints (`torch.save`): state dicts and pickles of anything else, in a zip archive. Never unpickled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats import pickle_globals, torch_tensors
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.pickle_nodes import Global, Node, is_mapping, label, pairs, type_name
from herdbook.plugins.formats.pickle_scan import Scan, unsafe
from herdbook.plugins.formats.torch_zip import Torch, scanned

if TYPE_CHECKING:
    from herdbook.plugins.formats.zip_archive import Archive
    from herdbook.ports.formats import Listing

INSTEAD = "Save the weights as safetensors, or export the model to ONNX."
COUNTED = "elements of all tensors of the state dict, so also batch-norm statistics"
_COUNTED_OBJECT = "elements of all tensors that the pickle holds, so also batch-norm statistics"
MAX_KEYS = 1000


def fits(content: Archive, path: str) -> bool:  # noqa: ARG001 - the signature of all kinds
    """Say whether a `data.pkl` lies in the archive's folder."""
    return Torch(content).data is not None


def read(content: Archive, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of all kinds
    """Read names, shapes and dtypes of tensors, and the names that loading would import.

    Raises:
        CorruptError: when `data.pkl` cannot be had.
        InvalidError: when it is larger than this reader goes.
    """
    archive = Torch(content)
    scan, root = scanned(archive, Scan())
    made = facts(root, scan, "zip")
    made.findings.extend(archive.short(made.tensors))
    made.values.update(archive.values())
    made.where["/tensors"] = f"member {archive.data}"
    return made.content()


class Made:
    """Facts of a checkpoint while they are put together.

    Args:
        format_: which of the two it is.
        values: of the facts.
        tensors: found in it.
        findings: about it.
    """

    def __init__(
        self, format_: str, values: dict[str, Any], tensors: torch_tensors.Tensors, findings: list[Finding]
    ) -> None:
        self.format = format_
        self.values = values
        self.tensors = tensors
        self.findings = findings
        self.where: dict[str, str] = {}

    def content(self) -> Content:
        """Return it as what a kind read."""
        return Content(self.format, self.values, Safety.UNSAFE, self.where, tuple(self.findings))


def facts(root: Node, scan: Scan, container: str) -> Made:
    """Return what can be said of the object that a checkpoint holds.

    Args:
        root: what it would be.
        scan: names that loading would import.
        container: ``zip``, ``legacy pickle stream`` or ``tar``.
    """
    plain = torch_tensors.collect(root, modules=False) if is_mapping(root) else torch_tensors.Tensors()
    found = plain if plain.named else torch_tensors.collect(root)
    state_dict = bool(plain.named)
    values: dict[str, Any] = {"container": container, "zip_container": container == "zip"}
    if not state_dict:
        values["python_type"] = type_name(root)
    elif any(torch_tensors.tensor(value) is None for _, value in pairs(root)):
        values["top_level"] = {label(key)[:200]: _type(value) for key, value in list(pairs(root))[:MAX_KEYS]}
    if found.named:
        values |= counts(found, COUNTED if state_dict else _COUNTED_OBJECT)
    values["pickle_globals"] = scan.listed
    outside = sorted({str(n) for names in scan.places.values() for n in names if not _weights_only(n)})
    values["globals_outside_weights_only"] = outside[:MAX_KEYS]
    findings = [unsafe(INSTEAD), *scan.findings(), *torch_tensors.odd(found)]
    return Made("torch-state-dict" if state_dict else "torch-pickle", values, found, findings)


def counts(found: torch_tensors.Tensors, counted: str) -> dict[str, Any]:
    """Return tensors and how many numbers they hold."""
    values: dict[str, Any] = {
        "tensors": [each.said(name) for name, each in found.named],
        "parameters": sum(each.elements for _, each in found.named),
        "parameters_without_batchnorm_statistics": sum(
            each.elements for name, each in found.named if not name.endswith(torch_tensors.BATCH_NORM)
        ),
        "parameters_counted": counted,
    }
    if groups := torch_tensors.tied(found):
        values["tied"] = groups[:MAX_KEYS]
    return values


def _type(node: Node) -> str:
    if torch_tensors.tensor(node) is not None:
        return "Parameter" if type_name(node).lstrip("_").lower().endswith("parameter") else "Tensor"
    return type_name(node)


def _weights_only(name: Global) -> bool:
    return pickle_globals.python3(name) in pickle_globals.WEIGHTS_ONLY


def trouble(rule: str, message: str) -> Finding:
    """Return a finding of severity error."""
    return Finding(rule=rule, severity=Severity.ERROR, message=message)
