"""Record what client and server say to one another: a story, told to a real server, in tests/client/recorded/VERSION.

Run ``python tools/record_answers.py`` once when a version is released, and commit what it writes; the tests replay it
to every later client, and send its requests to every later server. Ids, times and digests of events are as they came.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.client.recorded import FOLDER, recording  # noqa: E402 - found by the line above
from tests.client.story import ACTOR, CHAPTERS, as_json  # noqa: E402 - the same
from tests.servers.served import thread_server  # noqa: E402 - the same

from herdbook import __version__  # noqa: E402 - the same
from herdbook.client.registry import Options, RemoteRegistry  # noqa: E402 - the same
from herdbook.model.principals import Principal  # noqa: E402 - the same


def record(folder: Path) -> None:
    """Write a file for each chapter."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch, thread_server(Path(scratch) / "registry") as served:
        for name, chapter in CHAPTERS.items():
            with recording(served.url) as (url, exchanges):
                options = Options(cache=Path(scratch) / "cache" / name)
                with RemoteRegistry(url, Principal(id=ACTOR), None, options) as registry:
                    results = [as_json(each) for each in chapter(registry)]
            text = json.dumps({"exchanges": exchanges, "results": results}, ensure_ascii=False, indent=1)
            (folder / f"{name}.json").write_text(text + "\n", "utf-8")
            print(f"{name}: {len(exchanges)} exchanges")


if __name__ == "__main__":
    record(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / __version__)
