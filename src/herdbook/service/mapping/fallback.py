"""What no rule names: models and what lies beside them get usable names, and the rest a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from herdbook.kernel.errors import InvalidError
from herdbook.service.mapping import fallback_kinds, fallback_names
from herdbook.service.mapping.places import Place, within

ROLES = {
    "triton-config": "config",
    "config": "config",
    "weaver-preprocess": "preprocessing",
    "normalisation-dict": "preprocessing",
    "scaler": "preprocessing",
    "labels": "labels",
    "feature-list": "features",
    "feature-importance": "documentation",
    "training-parameters": "training-parameters",
    "tf-checkpoint-state": "config",
    "info": "documentation",
    "readme": "documentation",
    "licence": "licence",
}
"""Roles of sidecars in a version, by what they are."""


class Fallback:
    """Gives an unknown tree usable names.

    Files of one stem in one folder are one version; so are members of a set (core, inner, outer; even, odd; folds;
    bins of eta and pt), a SavedModel's folder and a model's folder of a Triton repository.

    Args:
        prefix: of the names of models.

    Raises:
        InvalidError: ``bad-rules``, when the prefix leaves no room.
    """

    def __init__(self, prefix: str) -> None:
        most = fallback_names.Namer.MAX_PREFIX
        if len(prefix) > most or prefix.count("/") > 3:
            raise InvalidError(
                f"the prefix {prefix!r} leaves too little room for names",
                code="bad-rules",
                hint=f"Take at most four segments and {most} characters.",
            )
        self._namer = fallback_names.Namer(prefix)

    def place(self, path: str, look: Callable[[], bytes] | None, groups: Mapping[str, str]) -> Place:
        """Return where a path goes; ``look`` is called only where the name does not tell."""
        told = fallback_kinds.tell(path, look)
        if told.what == "skip":
            return Place("skip", "skip:fallback", reason=told.reason, groups=groups)
        rule, inside, role = f"fallback:{told.kind}", within(path, told.folder), ROLES.get(told.kind, "")
        named = fallback_names.read(told.folder, told.stem, told.serial)
        if told.what == "model":
            model, label, kin = self._namer.name(named.parts), named.label, named.kin
            return Place("model", rule, model, label, told.folder, inside, named.member, kin=kin, groups=groups)
        model, label, kin = "", "", named.kin if told.stem else ""
        if told.bound:
            model, label = self._namer.name(named.parts), named.label
        return Place("sidecar", rule, model, label, told.folder, inside, role=role, of=("*",), kin=kin, groups=groups)
