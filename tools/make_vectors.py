"""Write tests/kernel/vectors.json: canonical bytes made by the rfc8785 library, which shares no code with Herdbook.

Run ``python tools/make_vectors.py`` after changing the list; the file it writes is committed.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import rfc8785

TARGET = Path(__file__).resolve().parent.parent / "tests" / "kernel" / "vectors.json"

# Doubles at the edges of ECMAScript's Number::toString, by their bits: signed zero, smallest, largest, where the
# exponent form begins and ends, and neighbours of a power of two.
DOUBLES = [
    "8000000000000000",
    "0000000000000001",
    "0010000000000000",
    "7fefffffffffffff",
    "3eb0c6f7a0b5ed8d",
    "3eb0c6f7a0b5ed8c",
    "444b1ae4d6e2ef50",
    "3fb999999999999a",
    "433fffffffffffff",
    "c1e26580b4877777",
    "3ff3c0ca428c59fb",
]

OBJECTS: list[tuple[str, object]] = [
    ("an empty object", {}),
    ("truth values and nesting", {"b": [True, False, {}, []], "a": {"z": 1, "y": [[]]}}),
    ("keys by UTF-16 units, not by code points", {"\U0001f42e": 1, "\uff21": 2, "\u00e9": 3, "e": 4, "": 5}),
    ("what a text escapes", {"t": '"\\/\b\f\n\r\t\u0000\u001f\u007f\u0080\u2028'}),
    ("what Unicode leaves alone", {"composed": "\u00e9", "decomposed": "e\u0301"}),
    ("integers up to the limit", {"max": 2**53 - 1, "min": -(2**53 - 1), "zero": 0}),
    ("an integer written as a double", {"one": 1.0, "hundred": 1e2, "minus": -3.0}),
    ("a version", {"schema": "herdbook/version/1", "files": [{"path": "a.onnx", "digest": "md5:" + "0" * 32}]}),
]


def _row(name: str, value: object) -> dict[str, str]:
    text = rfc8785.dumps(value)
    given = json.dumps(value, ensure_ascii=True)
    return {"name": name, "json": given, "canonical": text.decode(), "sha256": hashlib.sha256(text).hexdigest()}


def main() -> None:
    """Write the file."""
    rows = [_row(name, value) for name, value in OBJECTS]
    rows += [_row(f"double {bits}", struct.unpack(">d", bytes.fromhex(bits))[0]) for bits in DOUBLES]
    about = "Made by tools/make_vectors.py with the rfc8785 library: parse json, write canonical, hash."
    TARGET.write_text(json.dumps({"about": about, "vectors": rows}, indent=1, ensure_ascii=True) + "\n", "ascii")
    print(f"{len(rows)} vectors written to {TARGET.name}")


if __name__ == "__main__":
    main()
