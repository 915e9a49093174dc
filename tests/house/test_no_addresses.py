"""No file of the repository names a package registry's host or a path of somebody's machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"__pycache__", "dist", "build", "site", "demo-output", "out"}
HIDDEN_BUT_OURS = {".ci", ".github"}

# Put together here, so that this file does not contain what it looks for.
HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "ana" + "conda.org",
    "npm" + "js.org",
    "proxy.go" + "lang.org",
    "crates" + ".io",
    "deb" + ".debian.org",
    "arti" + "factory",
]
FOLDERS = ["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers", "t" + "mp"]
FORBIDDEN = re.compile(
    "|".join(map(re.escape, HOSTS))
    + r"|(?:^|\s)--(?:extra-)?index-"
    + r"url\b"
    + rf"|(?<![\w.~)}}])/(?:{'|'.join(FOLDERS)})/\w",
    re.IGNORECASE | re.MULTILINE,
)


def _texts() -> list[tuple[str, str]]:
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name for name in folders if name not in NOT_OURS and (not name.startswith(".") or name in HIDDEN_BUT_OURS)
        ]
        for name in files:
            path = Path(folder, name)
            if path.is_symlink() or path.suffix in {".pyc", ".onnx", ".db"}:
                continue
            raw = path.read_bytes()
            if b"\0" not in raw:
                found.append((path.relative_to(ROOT).as_posix(), raw.decode("utf-8", "replace")))
    return found


def test_no_file_names_a_registry_host_or_a_path_of_a_machine() -> None:
    texts = _texts()
    assert len(texts) > 20
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group().strip()}"
        for name, text in texts
        for match in FORBIDDEN.finditer(text)
    ]
    assert not found


def test_the_pattern_finds_what_it_is_for() -> None:
    for bad in (*HOSTS, f"cd /{FOLDERS[0]}/main", f'"/{FOLDERS[2]}/jane"', "pip install --index-" + "url x"):
        assert FORBIDDEN.search(bad), bad
    for good in ("a.root/x", "--no-emit-index-" + "url", "docs/work/x", "https://example.org/a/b"):
        assert not FORBIDDEN.search(good), good
