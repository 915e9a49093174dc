"""JSON Schemas of values as they are sent and written: absent fields are left out, and nothing is null."""

from __future__ import annotations

import json

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class AsWritten(GenerateJsonSchema):
    """What is written has all fields but those that can be absent; what is sent may leave out what has a default."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema of the value that is not null."""
        return self.generate_inner(schema["schema"])

    def union_schema(self, schema: core_schema.UnionSchema) -> JsonSchemaValue:
        """Order what may stand: typing caches unions, so their order depends on what was imported first."""
        found = super().union_schema(schema)
        if "anyOf" in found:
            found["anyOf"].sort(key=lambda choice: json.dumps(choice, sort_keys=True))
        return found

    def field_is_required(
        self, field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField, total: bool
    ) -> bool:
        """Say whether a field is always there: in what is written it is unless it can be absent."""
        if self.mode == "validation":
            return super().field_is_required(field, total)
        inner = field["schema"]
        return not (inner["type"] == "default" and inner.get("default", "") is None)

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's signature
        """Leave out titles that only repeat a field's name."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema without its default, which means nothing for what is written."""
        return self.generate_inner(schema["schema"])
