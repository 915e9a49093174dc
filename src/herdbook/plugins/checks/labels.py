"""Rules of labels: as many as the model answers, and the same names wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import Read, files, listed, models
from herdbook.ports.checks import Check, Subject

COUNT = Rule(id="labels-differ", title="Another number of labels than the model answers", severity=Severity.ERROR)
NAMES = Rule(id="label-names-differ", title="Two files give the outputs different names", severity=Severity.WARNING)
_PREFIX = "label_"


class Labels:
    """Looks at labels of files, of preprocessing and of the declared contract."""

    rules = (COUNT, NAMES)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        every = [model for model in models(subject) if beside.outputs(model)]
        lists = [*files(subject, ("labels",))]
        prepared = [*files(subject, ("weaver-preprocess", "weaver-data-config"))]
        for file in [*lists, *prepared]:
            said = _of(file)
            near = beside.nearest(file, every) if file.format == "labels" else beside.of_inputs(file, every)
            if said:
                yield from beside.unless_one_fits([list(_counted(file, said, model)) for model in near])
        for file in prepared:
            for other in beside.nearest(file, lists):
                yield from _named(file, other)
        yield from _declared(subject)


_: type[Check] = Labels


def _of(file: Read) -> Sequence[str]:
    """Return labels as a file has them; an output of no other kind than labels is what weaver exports."""
    said = file.values.get("classes") or file.values.get("output_names") or ()
    return [str(each) for each in said] if isinstance(said, list) else ()


def _counted(file: Read, said: Sequence[str], model: Read) -> Iterator[Finding]:
    widths = [beside.width(each) for each in beside.outputs(model)]
    known = [width for width in widths if width is not None]
    if len(known) < len(widths) or not known:
        return
    # One output of all, one of several for itself, or a name for each output.
    if len(said) in {*known, sum(known)} or (len(said) == len(known) and len(known) > 1):
        return
    answers = " + ".join(map(str, known))
    yield COUNT.found(f"it has {len(said)} labels; {model.path} answers {answers} numbers", path=file.path)


def _named(file: Read, other: Read) -> Iterator[Finding]:
    ours, theirs = _of(file), [name for name in _of(other) if name]
    if len(ours) != len(theirs) or [_plain(name) for name in ours] == [_plain(name) for name in theirs]:
        return
    differing = [f"{a} / {b}" for a, b in zip(ours, theirs, strict=True) if _plain(a) != _plain(b)]
    message = f"its outputs are called otherwise, or in another order, than in {other.path}: {listed(differing)}"
    yield NAMES.found(message, path=file.path)


def _plain(name: str) -> str:
    return name.removeprefix(_PREFIX).casefold()


def _declared(subject: Subject) -> Iterator[Finding]:
    for number, tensor in enumerate((subject.contract and subject.contract.outputs) or ()):
        axes = tensor.shape
        if axes is None and subject.told is not None:
            axes = next((each.shape for each in subject.told.outputs or () if each.name == tensor.name), None)
        if tensor.labels is None or not axes or not isinstance(axes[-1], int) or axes[-1] == len(tensor.labels):
            continue
        message = f"{tensor.name} is declared with {len(tensor.labels)} labels, and answers {axes[-1]} numbers"
        yield COUNT.found(message, where=f"/outputs/{number}/labels")
