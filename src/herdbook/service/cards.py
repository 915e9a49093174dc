"""Model cards and datasheets in Markdown: generated blocks between markers, and what people wrote around them.

A card is written anew as often as one likes: what stands between ``<!-- herdbook:NAME -->`` and ``<!-- /herdbook:NAME
-->`` is replaced, all else is kept where it is. What was written can be saved as a statement (``herdbook/card/1``), so
that a card written elsewhere has it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from herdbook.kernel.errors import InvalidError
from herdbook.model.cards import Card
from herdbook.model.statements import Said, StatementEntry
from herdbook.ports.registry import Registry
from herdbook.service import card_dataset, card_model
from herdbook.service.card_model import Section

NOT_STATED = "*Not stated.*"
_MARKER = re.compile(r"^<!-- (/?)herdbook:([a-z][a-z0-9-]*) -->[ \t]*$", re.MULTILINE)
DEPTH = 50
NODES = 100
"""Of the lineage that a card draws."""


@dataclass
class Parsed:
    """A card in a file: pieces of text, and between them the names of generated blocks."""

    texts: list[str] = field(default_factory=list)
    """One more than there are names: before, between and after the blocks."""
    names: list[str] = field(default_factory=list)

    @property
    def written(self) -> dict[str, str]:
        """What people wrote after each block, without headings that belong to the next one."""
        found = {}
        for name, text in zip(self.names, self.texts[1:], strict=True):
            if words := _without_heading(text, last=name == self.names[-1]).strip():
                found[name] = words
        return found


def parse(text: str) -> Parsed:
    """Read a card.

    Raises:
        InvalidError: ``bad-card``, when a block does not end, or stands twice; the message has the line.
    """
    found, start, open_ = Parsed(), 0, ""
    for match in _MARKER.finditer(text):
        end, name = match[1] == "/", match[2]
        line = text.count("\n", 0, match.start()) + 1
        if end != bool(open_) or (end and name != open_) or (not end and name in found.names):
            raise InvalidError(
                f"line {line}: the marker of {name!r} does not fit",
                code="bad-card",
                hint="Each block has one begin and one end, and stands once; delete the broken one.",
            )
        if end:
            open_, start = "", match.end()
        else:
            found.texts.append(text[start : match.start()])
            found.names.append(name)
            open_ = name
    if open_:
        raise InvalidError(f"the block {open_!r} does not end", code="bad-card", hint="Put its end back, or delete it.")
    found.texts.append(text[start:])
    return found


def _without_heading(text: str, *, last: bool) -> str:
    """Leave out the heading at the end of a text, which is that of the block that follows."""
    return text if last else re.sub(r"\n*^#{1,6} [^\n]*\s*\Z", "", text, flags=re.MULTILINE)


def write(title: str, sections: Iterable[Section], before: str = "", written: dict[str, str] | None = None) -> str:
    """Return the card, with what stood around the blocks of ``before`` kept, else with what was ``written``.

    A section that ``before`` lacks comes after the one that it follows.

    Raises:
        InvalidError: ``bad-card``, when ``before`` cannot be read.
    """
    generated = list(sections)
    if not before.strip():
        parts = [f"# {title}\n"]
        for name, heading, text in generated:
            words = (written or {}).get(name, "")
            parts.append(_section(name, heading, text, words))
        return "\n".join(parts)
    old = parse(before)
    blocks = {name: (heading, text) for name, heading, text in generated}
    pieces = {
        name: f"{_block(name, blocks[name][1]) if name in blocks else _block(name, '')}{after}"
        for name, after in zip(old.names, old.texts[1:], strict=True)
    }
    order = list(old.names)
    for place, (name, heading, text) in enumerate(generated):
        if name not in pieces:
            above = next((other for other, _, _ in reversed(generated[:place]) if other in order), None)
            order.insert(order.index(above) + 1 if above else 0, name)
            pieces[name] = ""
            if above:
                pieces[above], rest = _before_heading(pieces[above])
                pieces[name] = f"\n\n{_section(name, heading, text, '').strip()}\n{rest}"
            else:
                pieces[name] = f"{_section(name, heading, text, '').strip()}\n\n"
    return old.texts[0] + "".join(pieces[name] for name in order)


def _before_heading(text: str) -> tuple[str, str]:
    """Part the heading of the next block from a text's end."""
    match = re.search(r"\n*^#{1,6} [^\n]*\s*\Z", text, flags=re.MULTILINE)
    return (text[: match.start()], text[match.start() :]) if match else (text.rstrip("\n"), "\n")


def _block(name: str, text: str) -> str:
    return f"<!-- herdbook:{name} -->\n{text.strip() or NOT_STATED}\n<!-- /herdbook:{name} -->"


def _section(name: str, heading: str, text: str, written: str) -> str:
    head = f"## {heading}\n\n" if heading else ""
    # What somebody wrote says it: nothing has to stand there that nothing is stated.
    return f"{head}{_block(name, text)}\n" + (f"\n{written}\n" if written else "")


def model_card(registry: Registry, reference: str, before: str = "") -> str:
    """Return the model card of a version.

    Raises:
        MissingError: when there is no such version.
        InvalidError: ``bad-card``, when ``before`` cannot be read.
    """
    dossier = registry.versions.dossier(reference)
    lineage = registry.versions.trace(dossier.entry.reference, depth=DEPTH, limit=NODES)
    written = _written((entry for entry in dossier.statements if entry.about != "sister"), "model-card")
    return write(card_model.title(dossier), card_model.sections(dossier, lineage), before, written)


def datasheet(registry: Registry, reference: str, before: str = "") -> str:
    """Return the datasheet of a dataset.

    Raises:
        MissingError: when there is no such dataset.
        InvalidError: ``bad-card``, when ``before`` cannot be read.
    """
    sheet = card_dataset.gather(registry, reference)
    return write(sheet.title, card_dataset.sections(sheet), before, _written(sheet.statements, "datasheet"))


def save(
    registry: Registry, namespace: str, record: str, kind: Literal["model-card", "datasheet"], text: str
) -> StatementEntry:
    """Keep what people wrote in a card as a statement, in place of what this person saved before.

    Raises:
        InvalidError: ``bad-card``; ``nothing-written``, when there is nothing beside the generated blocks.
    """
    sections = parse(text).written
    if not sections:
        raise InvalidError(
            "nothing was written beside the generated blocks",
            code="nothing-written",
            hint="Write below a block, not inside.",
        )
    mine = [
        entry.digest
        for entry in registry.statements.list(record, kind="card").items
        if entry.current
        and entry.statement.issuer == registry.principal.id
        and entry.statement.body.get("kind") == kind
    ]
    body = Card(kind=kind, sections=sections).json_object()
    said = Said.read(
        {
            "type": "herdbook/card/1",
            "subject": [{"record": record}],
            "body": body,
            **({"supersedes": mine} if mine else {}),
        }
    )
    return registry.statements.add(namespace, [said])[0]


def _written(statements: Iterable[StatementEntry], kind: str) -> dict[str, str]:
    """Return saved sections; of several people's, one after the other."""
    found: dict[str, list[str]] = {}
    for entry in statements:
        said = entry.statement
        if entry.current and said.kind == "card" and said.body.get("kind") == kind:
            for name, text in said.body.get("sections", {}).items():
                found.setdefault(name, []).append(_MARKER.sub("", str(text)))
    return {name: "\n\n".join(dict.fromkeys(texts)) for name, texts in found.items()}
