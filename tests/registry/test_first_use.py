"""Several processes that use a new registry at once: one makes it, and the others take it for no stranger's folder."""

from __future__ import annotations

import threading
from pathlib import Path

from herdbook.bootstrap import parts


def test_a_registry_that_another_process_makes_just_now_is_no_strange_folder(tmp_path: Path) -> None:
    for number in range(200):  # without a second look every other one was refused
        folder = tmp_path / str(number)
        folder.mkdir()
        catalogue = folder / parts.CATALOGUE
        other = threading.Thread(target=catalogue.touch)
        other.start()
        while not catalogue.exists():
            parts.check_folder(folder, "the test", create=True)
        other.join()
