"""Runs a Rucio server on one port of this machine, on SQLite, all its files in one folder. Run it with its own Python.

    tools/servers/rucio.sh
    .cache/rucio/bin/python tools/servers/start_rucio.py PORT FOLDER [--with-parent]

The end point is http://127.0.0.1:PORT, the account root, its user and password ddmlab and secret. With --with-parent
it ends when the process that started it does, however that ends, and takes the folder with it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

# Source of the sections: Rucio's own etc/rucio.cfg.template. `[metadata] plugins` must stay as it is by default.
SETTINGS = """[common]
logdir = {folder}/log
loglevel = WARNING
[client]
rucio_host = http://127.0.0.1:{port}
auth_host = http://127.0.0.1:{port}
auth_type = userpass
username = ddmlab
password = secret
account = root
[database]
default = sqlite:///{folder}/rucio.db
[bootstrap]
userpass_identity = ddmlab
userpass_pwd = secret
userpass_email = ddmlab@example.org
[policy]
permission = generic
schema = generic
[alembic]
cfg = {folder}/alembic.ini
"""
# The file that Rucio ships has a key twice.
ALEMBIC = """[alembic]
sqlalchemy.url = sqlite:///{folder}/rucio.db
script_location = {package}/db/sqla/migrate_repo/
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = generic
[logger_root]
level = WARN
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
[formatter_generic]
format = %(levelname)s [%(name)s] %(message)s
"""


def end_with(parent: int, folder: Path) -> None:
    """End this process, and what it started, when its parent is another than it was."""
    while os.getppid() == parent:
        time.sleep(1)
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, 9)


def main(port: int, folder: Path) -> None:
    """Make the database, and serve until a signal."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    found = importlib.util.find_spec("rucio")
    assert found is not None
    assert found.submodule_search_locations is not None
    told = {"folder": folder, "port": port, "package": found.submodule_search_locations[0]}
    (folder / "rucio.cfg").write_text(SETTINGS.format(**told))
    (folder / "alembic.ini").write_text(ALEMBIC.format(**told))
    os.environ.update(RUCIO_HOME=str(folder), RUCIO_CONFIG=str(folder / "rucio.cfg"), TMPDIR=str(folder))
    # In the environment that tools/servers/rucio.sh makes, and in no other.
    database: Any = importlib.import_module("rucio.db.sqla.util")
    if not (folder / "rucio.db").exists():
        database.build_database()
        database.create_base_vo()
        database.create_root_account()
    program: Any = importlib.import_module("gunicorn.app.wsgiapp")
    sys.argv = [
        *("gunicorn", "-b", f"127.0.0.1:{port}", "-w", "1", "--threads", "4", "--timeout", "120"),
        *("--worker-tmp-dir", str(folder), "--no-control-socket", "rucio.web.rest.flaskapi.v1.main:application"),
    ]
    program.run()


if __name__ == "__main__":
    if "--with-parent" in sys.argv:
        place = Path(sys.argv[2]).resolve()
        threading.Thread(target=end_with, args=(os.getppid(), place), daemon=True).start()
    main(int(sys.argv[1]), Path(sys.argv[2]).resolve())
