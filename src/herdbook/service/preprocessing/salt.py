"""Which input of a salt model's graph each input of its ``gnn_config`` is: the two bear names made by one rule.

Source: salt 0.13, ``get_default_onnx_feature_map`` and ``add_metadata``: the graph's inputs stand in the order of the
training's variables, ``gnn_config`` has flat inputs first. ``jet_var`` is ``jet_features`` in the graph,
``tracks_r22default_sd0sort`` is ``track_features``. Other names may have been given by hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.model.base import Json

_FLAT, _ELECTRONS, _GRAPH = "_var", "_r22default", "_features"


def graph_order(values: Json) -> list[int] | None:
    """Return for each input of the graph the number of its input in ``gnn_config``, flat inputs counted first.

    Args:
        values: the facts of an ONNX file that have ``gnn_config``.

    Returns:
        ``None`` where the names do not say it.
    """
    config = values["gnn_config"]
    names = [str(each.get("name")) for key in ("inputs", "input_sequences") for each in config.get(key) or ()]
    told = [_in_graph(name) for name in names]
    order = [_only(told, str(each.get("name"))) for each in values.get("inputs") or ()]
    found = [each for each in order if each is not None]
    return found if len(found) == len(order) == len(names) and len(set(found)) == len(names) else None


def _in_graph(name: str) -> set[str]:
    """Return the names that the graph may have for an input of Athena."""
    base = name.removesuffix(_FLAT) if name.endswith(_FLAT) else name.removesuffix(_ELECTRONS)
    stems = {base} if name.endswith(_FLAT) else {base, base.split("_", 1)[0]}
    return {stem.removesuffix("s") + _GRAPH for stem in stems}


def _only(told: Sequence[set[str]], name: str) -> int | None:
    found = [number for number, names in enumerate(told) if name in names]
    return found[0] if len(found) == 1 else None
