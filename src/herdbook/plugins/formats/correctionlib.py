"""correctionlib's JSON: scale factors and other corrections. It is recognised, and is no model.

Source: correctionlib's schema, version 2: `schema_version`, `corrections` with name, version, inputs and output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain, present
from herdbook.ports.formats import Listing

_ABOUT = ("name", "version", "description")


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether it has a schema's version and corrections."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("schema_version"), int)
        and isinstance(content.get("corrections"), list)
    )


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read what is corrected, with which inputs."""
    plain = Plain()
    values = present(
        json_type="dict",
        length=len(content),
        keys=sorted(content)[:1000],
        kind="correctionlib",
        schema_version=content["schema_version"],
        description=plain.copy(content.get("description")),
        corrections=[_correction(each, plain) for each in content["corrections"] if isinstance(each, dict)],
        compound_corrections=[
            present(**{key: plain.copy(each.get(key)) for key in (*_ABOUT, "stack")})
            for each in content.get("compound_corrections") or ()
            if isinstance(each, dict)
        ]
        or None,
    )
    return Content(format="json-other", values=values, where={"/corrections": "corrections"}, findings=plain.findings())


def _correction(raw: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    inputs = raw.get("inputs")
    return present(
        **{key: plain.copy(raw.get(key)) for key in _ABOUT},
        inputs=[_variable(each, plain) for each in inputs if isinstance(each, dict)]
        if isinstance(inputs, list)
        else None,
        output=_variable(raw["output"], plain) if isinstance(raw.get("output"), dict) else None,
    )


def _variable(raw: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    return present(**{key: plain.copy(raw.get(key)) for key in ("name", "type", "description")})
