"""Write docs/reference/json/: a JSON Schema for what each command prints with ``--json``, from the values themselves.

Run ``python tools/make_json_schemas.py`` after changing a value; a test compares what is committed.
"""

from __future__ import annotations

import json
import sys
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from herdbook.apps.cli.shapes import ANSWERS, ON_STDERR
from herdbook.model.base import Value
from herdbook.wire.schemas import AsWritten

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "json"
ABOUT = """# JSON that the commands print

With `--json` a command prints one JSON object on standard output, or, where the table says so, one a line. Messages,
hints and progress are left out. Absent fields are left out; there is no `null` but in the shape of a tensor.

On standard error stand, one a line: an error ([error.json](error.json)), a warning (`{"warning": "…"}`), and after a
page that was not the last where the next one begins ([more.json](more.json)).

This page and the schemas are made by `tools/make_json_schemas.py`.

| command | objects | schema |
|---|---|---|
"""


def schema(title: str, values: tuple[type[Value], ...]) -> dict[str, Any]:
    """Return the schema of an object that is one of these values."""
    adapter: TypeAdapter[Any] = TypeAdapter(reduce(or_, values))
    found = adapter.json_schema(mode="serialization", by_alias=True, schema_generator=AsWritten)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": title}


def pages() -> dict[str, str]:
    """Return the files to write, by name."""
    made: dict[str, str] = {}
    index = ABOUT
    for command, shape in ANSWERS.items():
        name = command.replace(" ", "-") + ".json"
        made[name] = _text(schema(f"herdbook {command} --json", shape.values))
        what = " or ".join(f"`{value.__name__}`" for value in shape.values)
        index += f"| `{command}` | {what}{', one a line' if shape.many else ''} | [{name}]({name}) |\n"
    for kind, value in ON_STDERR.items():
        made[f"{kind}.json"] = _text(schema(f"herdbook --json, on standard error: {kind}", (value,)))
    return {**made, "README.md": index}


def _text(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files, and remove those of commands that are gone."""
    made = pages()
    TARGET.mkdir(parents=True, exist_ok=True)
    for path in TARGET.iterdir():
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (TARGET / name).write_text(text, "utf-8")
    print(f"{len(made)} files written to {TARGET.name}/", file=sys.stderr)


if __name__ == "__main__":
    main()
