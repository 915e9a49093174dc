"""Capture with the settings of this machine: the spool, the policy, and ``herdbook.training()``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herdbook.bootstrap import settings as settings_
from herdbook.capture import spool as spool_
from herdbook.capture import wanted as wanted_
from herdbook.capture.figures import parameter
from herdbook.capture.spool import Spool
from herdbook.capture.surroundings import Policy
from herdbook.capture.wanted import Wanted

if TYPE_CHECKING:  # `herdbook run` needs neither, and a command waits for what is loaded here
    from herdbook.capture.training import Training

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def open_spool(settings: settings_.Settings | None = None, *, write: bool = True) -> tuple[Spool, str]:
    """Return the spool, and a sentence for the person when it is not where it should be.

    Raises:
        DeniedError: when nothing can be written.
    """
    found = (settings or settings_.load())["spool"]
    folder = Path(found.text).expanduser().absolute()
    if write:
        return spool_.choose(folder, said=found.origin != "default")
    other = spool_.fallback()
    elsewhere = found.origin == "default" and not folder.is_dir() and other.is_dir()
    return Spool(other if elsewhere else folder), ""


def policy(settings: settings_.Settings | None = None) -> Policy:
    """Return what the settings say about capture."""
    settings = settings or settings_.load()
    return Policy(
        diff_limit=settings.number("capture.diff_mb") * 10**6,
        dirty=settings.text("capture.dirty"),
        upload=settings.text("capture.diff"),
        store_limit=settings.number("capture.store_mb") * 10**6,
    )


def training(
    target: str | None = None,
    *,
    output: Paths = (),
    inputs: Paths = (),
    datasets: Iterable[str] = (),
    parent: str | None = None,
    config: Paths = (),
    parameters: Mapping[str, object] | None = None,
    kind: str = "",
    namespace: str | None = None,
    strategy: str | None = None,
    trigger: str | None = None,
    window: str | None = None,
    settings: Mapping[str, object] | None = None,
    diff: str | None = None,
    bundle: bool = False,
    push: bool = False,
    registry: str | None = None,
) -> Training:
    """Capture what a ``with`` block does as a training; see docs/how-to/capture-a-training.md.

    Args:
        target: the model to register under, ``NAMESPACE/MODEL:LABEL``; without it only the activity is written.
        output: files and folders that are the model, or ``ROLE=PATH``.
        inputs: files and folders that go in, or ``ROLE=PATH``; what is opened besides is noticed.
        datasets: data sets that go in, ``scheme:value`` or digests.
        parent: the version that the training begins from.
        config: files of settings, whose values become parameters.
        parameters: hyper-parameters by name.
        kind: of the activity; else ``training``, or ``fine-tuning`` with a parent.
        namespace: where the activity is written, when there is no target.
        strategy: ``scratch``, ``warm-start``, ``fine-tuning``, ``continual``, ``threshold-only``.
        trigger: what set it off.
        window: the data that it sees, ``AXIS:SINCE:UNTIL``.
        settings: what belongs to the kind, as bits of a quantisation.
        diff: ``always``, ``clean`` or ``never`` in place of the setting ``capture.diff``.
        bundle: keep the history of the repository up to this commit, too.
        push: send it when the block ends; when that fails, it waits for ``herdbook push``.
        registry: where to push to, in place of the setting ``registry``.

    Raises:
        InvalidError: when a name cannot be one, or an input is not there.
        DeniedError: when nothing can be written, or the tree is not clean and the settings refuse that.
    """
    return _begin(**locals())


def _begin(*, push: bool, registry: str | None, **said: Any) -> Training:  # noqa: ANN401 - the arguments above
    from herdbook.bootstrap.open import open_registry  # noqa: PLC0415 - see above
    from herdbook.capture.training import Training  # noqa: PLC0415 - see above

    known = settings_.load()
    found, note = open_spool(known)
    rules = policy(known)
    wanted = _wanted(said, registry, said["diff"] or rules.upload)
    opening = (lambda: open_registry(registry)) if push else None
    return Training(found, wanted, rules, note=note, opening=opening)


def _wanted(said: Mapping[str, Any], registry: str | None, upload: str) -> Wanted:
    folder, parent = Path.cwd(), said["parent"]
    paths, named = wanted_.inputs(_words(said["inputs"]), folder)
    kind = said["kind"] or ("fine-tuning" if parent else "training")
    pairs = [f"{name}={value}" for name, value in (said["settings"] or {}).items()]
    made = (parameter(name, value) for name, value in (said["parameters"] or {}).items())
    return Wanted(
        argv=tuple(getattr(sys, "orig_argv", None) or sys.argv),
        cwd=folder,
        kind=said["kind"],
        target=said["target"],
        namespace=said["namespace"],
        registry=registry,
        inputs=paths,
        outputs=wanted_.roles(_words(said["output"]), "model", folder),
        datasets=(*named, *said["datasets"]),
        parents=(parent,) if parent else (),
        configs=tuple(folder / word for word in _words(said["config"])),
        parameters=tuple(item for item in made if item is not None),
        derivation=wanted_.derivation(kind, said["strategy"], said["trigger"], said["window"], pairs),
        upload=upload,
        bundle=said["bundle"],
    )


def _words(given: Paths) -> list[str]:
    if isinstance(given, str | os.PathLike):
        return [os.fspath(given)]
    return [os.fspath(item) for item in given]
