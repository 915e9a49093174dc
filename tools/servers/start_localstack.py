"""Runs LocalStack's S3 on one port of this machine, all its files in one folder. Run it with its own Python.

    tools/servers/localstack.sh
    .cache/localstack/bin/python tools/servers/start_localstack.py PORT FOLDER [--with-parent]

The end point is http://[::1]:PORT (on IPv4 it would listen on all addresses), key and secret are test and test.
Buckets are forgotten at the end; what is left in the folder is for whoever made it to remove. With --with-parent it
ends when the process that started it does, however that ends, and takes the folder with it.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import threading
import time
from pathlib import Path


def end_with(parent: int, folder: Path) -> None:
    """End this process when its parent is another than it was."""
    while os.getppid() == parent:
        time.sleep(1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main(port: int, folder: Path) -> None:
    """Set the folders before anything of LocalStack's is imported, and run until a signal."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        SERVICES="s3",
        S3_SKIP_SIGNATURE_VALIDATION="0",
        GATEWAY_LISTEN=f"[::1]:{port}",
        DISABLE_EVENTS="1",
        SKIP_SSL_CERT_DOWNLOAD="1",
        DNS_ADDRESS="0",
        LS_LOG="error",
        OVERRIDE_IN_DOCKER="0",  # it takes some machines for a container, and then writes below /var and /etc
        FILESYSTEM_ROOT=str(folder),
        TMPDIR=str(folder),
        HOME=str(folder),
    )
    # In the environment that tools/servers/localstack.sh makes, and in no other.
    runtime = importlib.import_module("localstack.runtime.main")
    provider = importlib.import_module("localstack.services.s3.provider")
    vars(provider)["DEFAULT_S3_TMP_DIR"] = str(folder / "objects")
    runtime.main()


if __name__ == "__main__":
    if "--with-parent" in sys.argv:
        place = Path(sys.argv[2]).resolve()
        threading.Thread(target=end_with, args=(os.getppid(), place), daemon=True).start()
    main(int(sys.argv[1]), Path(sys.argv[2]).resolve())
