"""``python -m herdbook.apps.worker.job FOLDER``: runs the job of a folder, and writes its ``result.json``."""

from __future__ import annotations

import sys
from pathlib import Path

from herdbook.apps.worker.job.starting import main

if __name__ == "__main__":
    sys.exit(main([Path(each) for each in sys.argv[1:]]))
