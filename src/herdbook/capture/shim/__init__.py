"""The shim: notices what a training does from inside its interpreter, with the standard library alone.

It runs where nothing of Herdbook is installed, under Python 3.8 or newer. ``sitecustomize`` loads it by its file under
this name, without the packages above it, so no module here may say ``from . import``, which would look for those;
``herdbook.training`` imports it as any other module. docs/explanation/what-capture-sees.md tells what it writes.
"""

from __future__ import annotations

from .api import VARIABLE, begin, install, metric, parameter, stop
from .opens import FOLDER
from .sessions import Session

__all__ = ["FOLDER", "VARIABLE", "Session", "begin", "install", "metric", "parameter", "stop"]
