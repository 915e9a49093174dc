"""The door: found on PYTHONPATH by any interpreter that a training starts; lets the shim in, then steps aside.

Written so that an interpreter too old for the shim (even Python 2) reads it without a complaint: no function, no
annotation. The folder leaves ``sys.path`` at once, so that nothing in it can hide a module of the training.
"""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))
if _folder in sys.path:
    sys.path.remove(_folder)

if os.environ.get("HERDBOOK_CAPTURE") and sys.version_info >= (3, 8):
    try:
        # Modules that every interpreter holds from its start: importing any other here could take the place of a
        # module of the training that has the same name.
        import _frozen_importlib as _machinery
        import _frozen_importlib_external as _files

        _name = "herdbook.capture.shim"
        _init = os.path.join(_folder, "__init__.py")
        _loader = _files.SourceFileLoader(_name, _init)
        _spec = _machinery.ModuleSpec(_name, _loader, origin=_init, is_package=True)
        _spec.submodule_search_locations = [_folder]
        _spec.has_location = True
        _shim = _machinery.module_from_spec(_spec)
        sys.modules[_name] = _shim
        _loader.exec_module(_shim)
        _shim.begin(os.environ["HERDBOOK_CAPTURE"])
    except Exception:
        sys.modules.pop("herdbook.capture.shim", None)

# The one that would have been found without this folder, if there is one, and with the failures that it has.
_ours = sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401 - run for what it does
except ImportError:
    if "sitecustomize" not in str(sys.exc_info()[1]):
        raise
finally:
    if _ours is not None:
        sys.modules.setdefault("sitecustomize", _ours)
