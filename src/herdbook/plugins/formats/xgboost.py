"""XGBoost's binary models: UBJSON, and the legacy formats. JSON is read by `xgboost_json`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Facts, Probe
from herdbook.plugins.formats.ubjson import Ubjson
from herdbook.plugins.formats.xgboost_binary import MARKER, looks_like_binary, read_binary
from herdbook.plugins.formats.xgboost_values import TREE_KEYS, is_model, read_model

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

_UBJSON = re.compile(rb"\{(?:[iU]|I\x00|l\x00{3}|L\x00{7})(?:\x07(?:learner|version))", re.DOTALL)
"""An object whose first key is one of a model's two; the key's length in any width."""


class Xgboost:
    """The reader of XGBoost's binary models."""

    name = "xgboost"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:  # noqa: ARG002 - the port's signature
        """Recognise UBJSON by its first key, the legacy formats by the names of objective and booster."""
        head = file.read_at(0, 32)
        if _UBJSON.match(head):
            return Probe(format="xgboost-ubj")
        if head.startswith(MARKER) or looks_like_binary(file):
            return Probe(format="xgboost-binf" if head.startswith(MARKER) else "xgboost-bin-old")
        return None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the facts.

        Raises:
            CorruptError: when the bytes are no model of XGBoost.
            InvalidError: when limits of this reader are exceeded.
        """
        if _UBJSON.match(file.read_at(0, 32)):
            content = Ubjson(file, {"trees": TREE_KEYS}).read()
            if not is_model(content):
                raise CorruptError(f"{path} is UBJSON, and no model of XGBoost", code="xgboost-bad-model")
            return read_model(content, "xgboost-ubj").facts(self.name, self.version)
        if not looks_like_binary(file):
            raise CorruptError(f"{path} is no model of XGBoost", code="xgboost-bad-model")
        return read_binary(file).facts(self.name, self.version)


_: type[Format] = Xgboost
