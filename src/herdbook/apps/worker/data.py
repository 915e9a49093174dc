"""``python -m herdbook.apps.worker.data``: one process that reads files of data."""

from __future__ import annotations

import os
import sys

from herdbook.plugins.host.data_child import main

if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # threads that a library left behind must not keep the process
