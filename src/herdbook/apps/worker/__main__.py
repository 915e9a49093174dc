"""``python -m herdbook.apps.worker``: one process of the pool."""

from __future__ import annotations

import os
import sys

from herdbook.plugins.host.child import main

if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # threads that a plug-in left behind must not keep the process
