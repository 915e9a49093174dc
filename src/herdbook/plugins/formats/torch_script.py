"""TorchScript archives: forward's arguments from the code's text, tensors from `data.pkl`. Nothing is compiled or run.

After `torch/csrc/jit/serialization` (python_print.cpp, export_module.cpp, import_source.cpp) of PyTorch.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats import torch_tensors
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.pickle_nodes import Call, Global, Node, get, is_mapping, label, pairs, state
from herdbook.plugins.formats.pickle_scan import Scan
from herdbook.plugins.formats.torch_code import Code
from herdbook.plugins.formats.torch_tensors import Tensor, Tensors, tensor
from herdbook.plugins.formats.torch_zip import Torch, scanned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from herdbook.plugins.formats.zip_archive import Archive
    from herdbook.ports.formats import Listing

COUNTED = "Module.parameters() only; buffers (batch-norm statistics) apart; state_dict = both"
_MANGLED = re.compile(r"\.___torch_mangle_\d+")
MAX_MODULES = 20_000


def fits(content: Archive, path: str) -> bool:  # noqa: ARG001 - the signature of all kinds
    """Say whether code lies beside a `data.pkl`."""
    torch = Torch(content)
    begin = f"{torch.folder}/code/" if torch.folder else "code/"
    return torch.data is not None and (
        torch.name("constants.pkl") is not None or any(name.startswith(begin) for name in content.names)
    )


def read(content: Archive, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of all kinds
    """Read the interface, tensors, and the names in its pickles.

    Raises:
        CorruptError: when `data.pkl` or the code cannot be had.
        InvalidError: when they are larger than this reader goes.
    """
    archive = Torch(content)
    scan, root = scanned(archive, Scan(script=True))
    code = Code(archive)
    function = root.function if isinstance(root, Call) else None
    named = label(function) if isinstance(function, Global) else ""
    values: dict[str, Any] = {"zip_container": True}
    where: dict[str, str] = {"/tensors": f"member {archive.data}"}
    found = _Modules(code)
    found.walk(root)
    findings = [*scan.findings(), *torch_tensors.odd(found.tensors), *archive.short(found.tensors), *code.findings]
    forward = code.forward(named)
    if forward is not None:
        values["inputs"] = [
            {"name": each.name, "torch_type": each.type} | ({"default": each.default} if each.default else {})
            for each in forward.arguments
        ]
        values["outputs"] = [{"torch_type": forward.returns}]
        where |= dict.fromkeys(("/inputs", "/outputs"), f"member {forward.member}")
    else:
        message = "the code has no forward of the outermost module, or it was not understood"
        findings.append(Finding(rule="no-forward", severity=Severity.WARNING, message=message))
    values |= found.values()
    if named:
        values["original_name"] = _MANGLED.sub("", named).rpartition(".")[2]
        values["python_type"] = _MANGLED.sub("", named).removeprefix("__torch__.")
    training = get(state(root), "training") if is_mapping(state(root)) else None
    if isinstance(training, bool):
        values["training"] = training
    values |= {"operators_in_code": code.operators(), **archive.values(), "pickle_globals": scan.listed}
    if extra := sorted(name for name in content.names if "/extra/" in name):
        values["extra_files"] = {name: content.size(name) for name in extra[:1000]}
    if training:
        message = "saved in training mode, so that batch norm and dropout act; call eval() before saving"
        findings.append(Finding(rule="training-mode", severity=Severity.WARNING, message=message, where="/training"))
    bad = any(each.rule.startswith("pickle-") and each.severity is Severity.ERROR for each in findings)
    return Content("torchscript", values, Safety.UNSAFE if bad else Safety.GUARDED, where, tuple(findings))


class _Modules:
    """Modules below the outermost one, with parameters and buffers as their classes list them.

    Args:
        code: says which attributes are parameters, buffers and modules.
    """

    def __init__(self, code: Code) -> None:
        self._code = code
        self.tensors = Tensors()
        self._parameters: dict[int, Tensor] = {}
        self._buffers: dict[int, Tensor] = {}
        self.classes: Counter[str] = Counter()

    def walk(self, root: Node) -> None:
        """Go through all modules in the order of a state dict: own tensors first, then those of each child."""
        waiting: list[tuple[str, Node, int]] = [("", root, 0)]
        modules = 0
        while waiting:
            name, node, depth = waiting.pop()
            modules += 1
            full = len(self.tensors.named) >= torch_tensors.MAX_TENSORS
            if full or modules > MAX_MODULES or depth > torch_tensors.MAX_DEPTH:
                self.tensors.cut = True
                continue
            waiting += [(f"{name}{key}.", child, depth + 1) for key, child in reversed(list(self._one(name, node)))]

    def _one(self, name: str, node: Node) -> Iterator[tuple[str, Node]]:
        """Take a module's tensors and yield its children."""
        if not isinstance(node, Call) or not isinstance(node.function, Global) or not is_mapping(state(node)):
            return
        kind = self._code.classes.get(label(node.function))
        self.classes[_MANGLED.sub("", label(node.function)).removeprefix("__torch__.")] += 1
        held = {key: value for key, value in pairs(state(node)) if isinstance(key, str)}
        lists = ((kind.parameters, self._parameters), (kind.buffers, self._buffers)) if kind else ()
        for names, seen in lists:
            for key in names:
                one = tensor(held.get(key))
                if one is not None:
                    self.tensors.named.append((f"{name}{key}", one))
                    seen[id(held[key])] = one
        for key, value in held.items():
            if (
                isinstance(value, Call)
                and isinstance(value.function, Global)
                and value.function.module != "torch._utils"  # a tensor
                and label(value.function) in self._code.classes
            ):
                yield key, value

    def values(self) -> dict[str, Any]:
        """Return tensors and counts: what is shared counts once, as in PyTorch."""
        values: dict[str, Any] = {
            "tensors": [each.said(name) for name, each in self.tensors.named],
            "parameters": sum(each.elements for each in self._parameters.values()),
            "buffers": sum(each.elements for each in self._buffers.values()),
            "parameters_counted": COUNTED,
            "modules": dict(self.classes.most_common(1000)),
        }
        if groups := torch_tensors.tied(self.tensors):
            values["tied"] = groups[:1000]
        return values
