"""What messages of commits tell: words without people, pull requests, ids of trainings, withdrawals, changes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from herdbook.model.histories import Author, Commit
from herdbook.model.identifiers import Identifier
from herdbook.model.rules import MessageRule

MAX_MESSAGE = 16384
"""Characters of a message that are looked at and kept; the commit has the rest."""
NOBODY = "[person]"

_TRAILER = re.compile(
    r"(?:(?:signed-off|co-authored|co-developed|reviewed|acked|tested|reported|suggested|helped|mentored|approved|merged|"
    r"committed|requested|noticed|authored|written)-by|cc|author|committer|reviewers?|assignees?)\s*:",
    re.IGNORECASE,
)
_PULLED = re.compile(r"(Merge pull request #\d{1,9}) (?:from|in) [^\"'\n]*")
_MERGE = (
    (re.compile(r"(See merge request )\S*(!\d{1,9}).*"), r"\1\2"),
    (re.compile(r"(Merge remote-tracking branch(?:es)?)\b.*"), r"\1"),
    (re.compile(r"(Merge) [\w-]+/[\w./-]+(?: into .*)?$"), r"\1"),
    (re.compile(r"(Merge (?:branch(?:es)?|bookmark)) (?=['\"])(.*)"), ""),
)
_QUOTED = re.compile(r"['\"]([^'\"]*)['\"]")
_PLAIN_BRANCH = re.compile(r"master|main|dev|devel|develop|development|trunk|HEAD|[vV]?\d[\w.+-]*|CMSSW_\w+")
_FORGE = re.compile(
    r"(?<![\w.-])((?:https?://|git@|ssh://git@)?(?:www\.)?git(?:hub|lab)\.[a-z.]{2,30}[/:])([\w.~-]{1,100})(?=/)"
)
_ISSUE = re.compile(r"(?<![\w./-])([\w-]{1,40})/([\w.-]{1,100}[#!]\d{1,9})\b")
_NAMED = re.compile(r"(?<![\w.])(?:[A-ZÀ-Þ][\w.'’-]{0,40} ){1,4}(?=<[^<>\s@]{1,100}@[^<>\s@]{1,200}>)")
_WORD = re.compile(r"\S+")
_AT = re.compile(r"(?<![\w.+%-])[\w.+%-]*@[A-Za-z_][\w.-]*(?<![.-])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(message: str, organisations: Collection[str] = ()) -> str:
    """Return the message without people: no trailers, addresses, mentions, accounts or branches named after people.

    A name that stands in the text without an address or an ``@`` cannot be told from other words and stays.

    Args:
        message: as the commit has it.
        organisations: accounts of GitHub or GitLab that are no people, and stay in addresses.
    """
    text = message[:MAX_MESSAGE].replace("\r\n", "\n")
    lines = [_line(line, organisations) for line in text.split("\n") if not _TRAILER.match(line.lstrip())]
    cleaned = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()
    return cleaned + "…" if len(message) > MAX_MESSAGE else cleaned


def _line(line: str, organisations: Collection[str]) -> str:
    line = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", line)
    line = _PULLED.sub(r"\1", line)
    for pattern, kept in _MERGE:
        if match := pattern.match(line.lstrip()):
            return match.expand(kept) if kept else _branches(match)
    line = _FORGE.sub(lambda match: match[1] + (match[2] if match[2] in organisations else "…"), line)
    line = _ISSUE.sub(lambda match: match[0] if match[1] in organisations else match[2], line)
    if "@" not in line:
        return line
    line = _NAMED.sub("", line)
    return _WORD.sub(lambda match: _AT.sub(NOBODY, match[0]) if "@" in match[0] else match[0], line)


def _branches(match: re.Match[str]) -> str:
    names = _QUOTED.findall(match[2])
    return " ".join([match[1], *(f"'{name}'" for name in names if _PLAIN_BRANCH.fullmatch(name))])


_PULL = re.compile(r"Merge pull request #(\d{1,9})\b")
_GITLAB = re.compile(r"^See merge request \S*!(\d{1,9})\s*$", re.MULTILINE)
_SQUASH = re.compile(r"\(#(\d{1,9})\)\s*$")


def _number(commit: Commit) -> int | None:
    message = commit.message[:MAX_MESSAGE]
    subject = message.lstrip().partition("\n")[0]
    if len(commit.parents) > 1:
        found = _PULL.match(subject) or _GITLAB.search(message)
        if found:
            return int(found[1])
    found = _SQUASH.search(subject)
    return int(found[1]) if found else None


def pull_requests(commits: Sequence[Commit], head: str = "") -> dict[str, int]:
    """Return commit → number of the pull request that brought it, as merges (and ``(#N)`` of squashed ones) say.

    A merge's number belongs to the merge and to what it brought first: what its other parents reach and nothing before
    it on the main line did. The main line is the chain of first parents of the head, then of other tips, newest first.

    Where a pull request of a fork was merged into a branch that then came by another one, the number is that of the
    latter, by which it came to the main line: it is the one in the source's own repository.

    Args:
        commits: oldest first, parents before children. The time is linear in their number.
        head: the commit at which the main line ends; the newest where it is not said.
    """
    known = {commit.id: commit for commit in commits}
    numbers: dict[str, int] = {}
    seen: set[str] = set()
    for tip in [head, *(commit.id for commit in reversed(commits))]:
        walk: list[tuple[Iterator[Commit], int | None]] = [(_chain(tip, known, seen), None)]
        while walk:
            chain, brought = walk[-1]
            commit = next(chain, None)
            if commit is None:
                walk.pop()
                continue
            number = _number(commit) if brought is None else brought
            if number is not None:
                numbers[commit.id] = number
            inside = number if len(commit.parents) > 1 else None
            walk.extend((_chain(parent, known, seen), inside) for parent in reversed(commit.parents[1:]))
    return numbers


def _chain(tip: str, known: Mapping[str, Commit], seen: set[str]) -> Iterator[Commit]:
    """Yield a chain of first parents, oldest first, up to what was seen; marks it as seen while it goes."""
    chain: list[Commit] = []
    while tip in known and tip not in seen:
        chain.append(known[tip])
        if not known[tip].parents:  # not "", which is the id of a folder's one commit
            break
        tip = known[tip].parents[0]
    for commit in reversed(chain):
        if commit.id not in seen:
            seen.add(commit.id)
            yield commit


@dataclass(frozen=True, slots=True)
class Training:
    """A training that a message names: by which rule it was found, and the line that says so (cleaned)."""

    identifier: Identifier
    kind: str
    rule: str
    text: str


_HEX = r"(?<![0-9A-Za-z])([0-9a-f]{32})(?![0-9A-Za-z])"
_RUN = re.compile(
    r"(?i)\b(?P<word>(?:re|pre)?-?training|mlflow|run)(?:[ _-]?(?:run|hash|id|uuid)){0,2}(?: is)?"
    r"[ \t]{0,3}[:=]?[ \t]{0,3}[`'\"(\[]?" + _HEX
)
_OTHER = re.compile(
    r"(?i)\b(?:training|mlflow)[ _-]?(?:run[ _-]?)?(?:hash|id)[ \t]{0,3}[:=][ \t]{0,3}[`'\"]?"
    r"((?=[a-z_.-]{0,63}\d)[a-z0-9][a-z0-9_.-]{5,63})"
)
_UUID4 = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")


def trainings(message: str, rules: Sequence[MessageRule] = ()) -> list[Training]:
    """Return the trainings that a message names, by the rules and by what messages commonly say; each id once.

    Without a rule, 32 hex digits after ``training``, ``mlflow`` or ``run`` (``hash``, ``id``) are an id; others are
    not: they may be an MD5. Such an id is an MLflow run's where the text says so, or where the digits have the form of
    a random UUID, as MLflow makes them; else its scheme is ``training-id``.
    """
    text = message[:MAX_MESSAGE]
    found: dict[str, Training] = {}

    def add(value: str, scheme: str, kind: str, rule: str, at: int) -> None:
        begin, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        line = clean(text[begin : len(text) if end < 0 else end])
        found.setdefault(value, Training(Identifier(scheme=scheme, value=value), kind, rule, line))

    for index, rule in enumerate(rules):
        for match in re.finditer(rule.pattern, text):
            if value := match.groupdict().get("id"):
                add(value, rule.scheme, rule.kind, f"messages/{index}", match.start("id"))
    for match in _RUN.finditer(text):
        mlflow = match["word"].lower() in {"mlflow", "run"} or _UUID4.fullmatch(match[2].lower())
        add(match[2], "mlflow-run" if mlflow else "training-id", "training", "training-id-in-message", match.start(2))
    for match in _OTHER.finditer(text):
        value = match[1].rstrip(".-")
        add(value, "training-id", "training", "training-id-in-message", match.start(1))
    return list(found.values())


_WITHDRAWN = re.compile(
    r"(?i)\b(?:remov(?:e[ds]?|ing|al)|delet(?:e[ds]?|ing|ion)|drop(?:s|ped|ping)?|depreci?at(?:e[ds]?|ing|ion)|"
    r"bug(?:s|gy|ged|fix)?|wrong(?:ly)?|broken|fix(?:e[ds]|ing)?(?![ -]?point)|hotfix|replac(?:e[ds]?|ing|ement)|"
    r"revert(?:s|ed|ing)?|supersed(?:e[ds]?|ing)|obsoleted?|withdraw(?:s|n|ing)?|incorrect(?:ly)?|corrupt(?:ed)?|"
    r"do not use|faulty|invalid)\b"
)
_CHANGES = re.compile(
    r"(?i)\b(?:remov|replac|revert|updat|delet|fix|deprecat|supersed|obsolete|drop|bug|correct|clean)\w*\b|\bwrong\b"
)


def says_withdrawal(message: str) -> str | None:
    """Return the first line (cleaned) that says that something must not be used any more; ``None`` without one.

    Words, not facts: what the commit removes or modifies decides. ``Updated`` alone says nothing.
    """
    for line in clean(message).split("\n"):
        if _WITHDRAWN.search(line):
            return line.strip()
    return None


def says_change(message: str) -> list[str]:
    """Return the words, in lower case and sorted, that say that something changed: more than withdrawals."""
    return sorted({word.lower() for word in _CHANGES.findall(message[:MAX_MESSAGE])})


def person_key(author: Author) -> str:
    """Return what tells a person from others inside one import: the e-mail address without case, else the name."""
    return author.email.strip().casefold() or author.name.strip()
