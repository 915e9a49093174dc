"""YAML of lock files, which come from anywhere: plain data, no merge keys, bounded depth; PyYAML when it is here."""

from __future__ import annotations

from typing import Any

_DEPTH = 24


def parse(data: bytes) -> Any:  # noqa: ANN401 — YAML is any value; the readers check what they use
    """Return the document.

    Aliases are kept as references, so that a nest of them costs nothing as long as nobody walks it; merge keys, which
    would copy, are refused.

    Raises:
        ImportError: when PyYAML is not installed (extra ``capture``).
        ValueError: when it is not YAML, deeper than a lock can be, or merges.
    """
    import yaml  # noqa: PLC0415 — it is an extra's

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml, data, loader_class)
        loader = _plain(loader_class)(data)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeError) as error:
        raise ValueError(f"not YAML: {error}") from error


def _check_depth(yaml: Any, data: bytes, loader_class: Any) -> None:  # noqa: ANN401 — a module without types
    """Go through the events, which need no recursion, before anything is built, which does."""
    depth = 0
    for event in yaml.parse(data, Loader=loader_class):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1
        if depth > _DEPTH:
            raise ValueError("nested deeper than a lock file is")


def _plain(base: Any) -> Any:  # noqa: ANN401 — a class without types
    class Plain(base):  # type: ignore[misc]  # the loader's class depends on how PyYAML was built
        def flatten_mapping(self, node: Any) -> None:  # noqa: ANN401 — a node of PyYAML
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
                raise ValueError("a lock file has no merge keys")

    return Plain
