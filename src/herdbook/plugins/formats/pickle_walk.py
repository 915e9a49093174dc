"""A pickle's opcodes, followed without doing what they say: it yields inert nodes and the names it would import.

After PEP 3154, PEP 574 and the opcodes that `pickletools` documents. As the C unpickler of Python, and unlike
`pickletools`, it takes odd numbers and names that are not ASCII: what pickletools refuses would still be loaded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats.pickle_nodes import Call, Dict, Global, Node, Opaque, Persistent, label
from herdbook.plugins.formats.pickle_stream import Bytes, Opcode, opcode

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STEPS = 1_500_000
MAX_NODES = 250_000
MAX_KEPT = 8 * 1024 * 1024
MAX_GLOBALS = 2000
MAX_NAME = 1000


@dataclass
class Budget:
    """What all pickles of one file may use together: opcodes, nodes and memo entries, bytes of strings."""

    steps: int = MAX_STEPS
    nodes: int = MAX_NODES
    kept: int = MAX_KEPT


@dataclass
class Pickle:
    """What was found, also where it ended in trouble.

    ``globals``: name → how it is used, at the most (named, called). ``tricks``: rule → what it says.
    ``steps``: opcodes that were followed; ``calls``: those that call something with arguments, as no text does;
    ``odd``: numbers and texts that no unpickler takes.
    """

    root: Node = None
    globals: dict[Global, str] = field(default_factory=dict)
    tricks: dict[str, str] = field(default_factory=dict)
    protocol: int = 0
    persistent: list[Persistent] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    start: int = 0
    end: int = 0
    steps: int = 0
    calls: int = 0
    odd: int = 0
    trouble: CorruptError | InvalidError | None = None


class Walk:
    """The machine: a stack, a memo, marks.

    Args:
        source: from the pickle's first byte on; stands behind its last one afterwards.
        budget: shared by all pickles of a file.
        built: asked after each BUILD with the object; may pass over bytes that follow it, as joblib's arrays do.
    """

    def __init__(self, source: Bytes, budget: Budget, built: Callable[[Node, Bytes], None] | None = None) -> None:
        self._source = source
        self._budget = budget
        self._built = built
        self._stack: list[Node] = []
        self._marks: list[list[Node]] = []
        self._memo: dict[int, Node] = {}
        self.found = Pickle(start=source.at)

    def run(self) -> Pickle:
        """Follow one pickle to its STOP, or as far as it goes; `Pickle.trouble` says why no further."""
        budget, source, do = self._budget, self._source, self._do
        before = budget.steps
        try:
            while True:
                budget.steps -= 1
                if budget.steps < 0 or budget.nodes < 0 or budget.kept < 0:
                    self._too_large()
                op = opcode(source)
                if op.name == "STOP":
                    self.found.root = self._pop()
                    break
                do[op.name](self, op)
        except (CorruptError, InvalidError) as error:
            self.found.trouble = error
        self.found.end, self.found.steps = source.at, before - budget.steps
        return self.found

    def _too_large(self) -> None:
        raise InvalidError("the pickle is larger than this reader goes", code="pickle-cut")

    def _pop(self) -> Node:
        if not self._stack:
            raise _broken("it takes what is not there")
        return self._stack.pop()

    def _top(self) -> Node:
        if not self._stack:
            raise _broken("it takes what is not there")
        return self._stack[-1]

    def _since_mark(self) -> list[Node]:
        if not self._marks:
            raise _broken("it takes back to a mark that is not there")
        found, self._stack = self._stack, self._marks.pop()
        return found

    def _push(self, node: Node) -> None:
        self._stack.append(node)

    def _new(self, node: Node) -> None:
        self._budget.nodes -= 1
        self._stack.append(node)

    def _trick(self, rule: str, message: str) -> None:
        self.found.tricks.setdefault(rule, message)

    # what each opcode does

    def _nothing(self, _: Opcode) -> None:
        """Pass over it."""

    def _proto(self, op: Opcode) -> None:
        self.found.protocol = max(self.found.protocol, op.arg[0] if op.arg else 0)
        if self.found.protocol > 5:
            raise _broken(f"protocol {self.found.protocol} is not known")

    def _integer(self, op: Opcode) -> None:
        raw = (op.arg or b"").rstrip(b"L")
        if op.name == "INT" and raw in {b"00", b"01"}:
            self._push(raw == b"01")
            return
        try:
            self._push(int(raw, 0 if op.name == "INT" else 10) if len(raw) < 100 else Opaque("int", len(raw)))
        except ValueError:
            self.found.odd += not raw[:1].isdigit()  # a number with a 0 before it was taken once
            self._push(Opaque("int", len(raw)))

    def _little(self, op: Opcode) -> None:
        arg = op.arg
        if arg is None or len(arg) > 32:
            self._new(Opaque("int", op.length))
        else:
            self._push(int.from_bytes(arg, "little", signed=op.name in {"BININT", "LONG1", "LONG4"}))

    def _float(self, op: Opcode) -> None:
        try:
            arg = op.arg or b""
            self._push(struct.unpack(">d", arg)[0] if op.name == "BINFLOAT" else float(arg[:100]))
        except ValueError:
            self.found.odd += 1
            self._push(Opaque("float"))

    def _text(self, op: Opcode) -> None:
        raw = op.arg
        if raw is None:
            self._new(Opaque("str", op.length))
            return
        self._keep(raw)
        if op.name == "UNICODE":
            self._new(raw.decode("raw-unicode-escape", "replace"))
        elif op.name == "STRING":
            quoted = len(raw) > 1 and raw[:1] == raw[-1:] and raw[:1] in b"\"'"
            self.found.odd += not quoted
            self._new(raw[1:-1].decode("latin-1") if quoted else Opaque("str", op.length))
        else:
            try:
                self._new(raw.decode("latin-1" if op.name.endswith("STRING") else "utf-8", "surrogatepass"))
            except UnicodeDecodeError:
                raise _broken("a text in it is not UTF-8") from None

    def _blob(self, op: Opcode) -> None:
        kind = "bytearray" if op.name == "BYTEARRAY8" else "bytes"
        if op.arg is not None:
            self._keep(op.arg)
        short = op.arg is not None and len(op.arg) <= 256 and kind == "bytes"
        self._new(op.arg if short else Opaque(kind, op.length))

    def _keep(self, raw: bytes) -> None:
        """Count what is kept, and remember bytes that may themselves be a pickle."""
        self._budget.kept -= len(raw)
        if len(raw) > 3 and raw[:1] == b"\x80" and raw[1] <= 5 and b"." in raw:
            self.found.blobs.append(raw)
        elif len(raw) > 4 and raw[:2] == b"\xc2\x80" and raw[2] <= 5:  # the same as text
            self.found.blobs.append(raw.decode("utf-8", "ignore").encode("latin-1", "ignore"))

    def _buffer(self, _: Opcode) -> None:
        self._new(Opaque("bytes"))

    def _constant(self, op: Opcode) -> None:
        self._push({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[op.name])

    def _empty(self, op: Opcode) -> None:
        made = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": Dict}.get(op.name)
        self._new(made() if made else Call(Global("builtins", "set"), ()))

    def _collect(self, op: Opcode) -> None:
        items = self._since_mark()
        if op.name == "TUPLE":
            self._new(tuple(items))
        elif op.name == "LIST":
            self._new(items)
        elif op.name == "FROZENSET":
            self._new(Call(Global("builtins", "frozenset"), (), items=items))
        else:
            self._new(Dict(_paired(items)))

    def _tuple(self, op: Opcode) -> None:
        count = int(op.name[-1])
        items = [self._pop() for _ in range(count)]
        self._new(tuple(reversed(items)))

    def _append(self, op: Opcode) -> None:
        items = [self._pop()] if op.name == "APPEND" else self._since_mark()
        target = self._top()
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, Call):
            target.items.extend(items)
        self._touched(target)

    def _set(self, op: Opcode) -> None:
        if op.name == "SETITEM":
            value, key = self._pop(), self._pop()
            items = [key, value]
        else:
            items = self._since_mark()
        target = self._top()
        if isinstance(target, Dict | Call):
            target.pairs.extend(_paired(items))
        self._touched(target)

    def _touched(self, target: Node) -> None:
        if isinstance(target, Global):
            self._trick("pickle-changes-global", f"it would change {label(target)} itself")

    def _mark(self, _: Opcode) -> None:
        self._budget.nodes -= 1
        self._marks.append(self._stack)
        self._stack = []

    def _discard(self, op: Opcode) -> None:
        if op.name == "POP_MARK" or not self._stack:
            self._since_mark()
        else:
            self._stack.pop()

    def _twice(self, _: Opcode) -> None:
        self._push(self._top())

    def _put(self, op: Opcode) -> None:
        self._budget.nodes -= 1
        self._memo[len(self._memo) if op.name == "MEMOIZE" else _index(op)] = self._top()

    def _get(self, op: Opcode) -> None:
        index = _index(op)
        if index not in self._memo:
            raise _broken(f"it takes memo {index}, which is not there")
        self._push(self._memo[index])

    def _named(self, op: Opcode) -> None:
        module, _, name = (op.arg or b"").decode("utf-8", "replace").partition("\n")
        self._name(module, name)
        if op.name == "INST":
            function, args = self._pop(), tuple(self._since_mark())
            self.found.calls -= not args  # a text in brackets looks so
            self._call(function, args)

    def _named_by_stack(self, _: Opcode) -> None:
        name, module = self._pop(), self._pop()
        if isinstance(name, str) and isinstance(module, str):
            self._name(module, name)
        else:
            self._trick("pickle-hidden-global", "a name that it would import is computed, so that no scan can see it")
            self._new(Opaque("global"))

    def _name(self, module: str, name: str) -> None:
        node = Global(module[:MAX_NAME], name[:MAX_NAME])
        if node not in self.found.globals and len(self.found.globals) >= MAX_GLOBALS:
            raise InvalidError(f"the pickle names more than {MAX_GLOBALS} globals", code="pickle-cut")
        self.found.globals.setdefault(node, "named")
        self._new(node)

    def _reduce(self, op: Opcode) -> None:
        kwargs = self._pop() if op.name == "NEWOBJ_EX" else None
        args = self._pop()
        function = self._pop()
        self._call(function, (*args, kwargs) if kwargs is not None and isinstance(args, tuple) else args)

    def _object(self, _: Opcode) -> None:
        items = self._since_mark()
        if not items:
            raise _broken("it makes an object of nothing")
        self._call(items[0], tuple(items[1:]))

    def _call(self, function: Node, args: Node) -> None:
        self.found.calls += isinstance(args, tuple)
        if isinstance(function, Global):
            self.found.globals[function] = "called"
            if function in _CODECS and not _harmless(args):
                self._trick("pickle-hidden-global", f"it uses {function} for something else than bytes")
        else:
            self._trick("pickle-calls-result", "it would call what another call returns, which no scan can know")
        makes = isinstance(function, Global) and function in _MAKERS
        if makes and isinstance(args, tuple) and args and isinstance(args[0], Global):
            self._call(args[0], args[1:])
            return
        self._new(Call(function, args))

    def _build(self, _: Opcode) -> None:
        given = self._pop()
        target = self._top()
        if isinstance(target, Call):
            target.state = given
        self._touched(target)
        if self._built is not None:
            self._built(target, self._source)

    def _persistent(self, op: Opcode) -> None:
        said = (op.arg or b"").decode("utf-8", "replace") if op.name == "PERSID" else self._pop()
        self.found.persistent.append(Persistent(said))
        self._new(self.found.persistent[-1])

    def _extension(self, op: Opcode) -> None:
        code = int.from_bytes(op.arg or b"", "little")
        self._trick("pickle-extension", f"it names a global by the number {code} of a registry that is not in the file")
        self._new(Opaque("global"))

    _do: ClassVar[dict[str, Callable[[Walk, Opcode], None]]] = {
        "PROTO": _proto,
        **dict.fromkeys(("FRAME", "READONLY_BUFFER"), _nothing),
        **dict.fromkeys(("INT", "LONG"), _integer),
        **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "LONG4"), _little),
        **dict.fromkeys(("FLOAT", "BINFLOAT"), _float),
        **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE"), _text),
        **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _text),
        **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _blob),
        "NEXT_BUFFER": _buffer,
        **dict.fromkeys(("NONE", "NEWTRUE", "NEWFALSE"), _constant),
        **dict.fromkeys(("EMPTY_LIST", "EMPTY_TUPLE", "EMPTY_DICT", "EMPTY_SET"), _empty),
        **dict.fromkeys(("TUPLE", "LIST", "DICT", "FROZENSET"), _collect),
        **dict.fromkeys(("TUPLE1", "TUPLE2", "TUPLE3"), _tuple),
        **dict.fromkeys(("APPEND", "APPENDS", "ADDITEMS"), _append),
        **dict.fromkeys(("SETITEM", "SETITEMS"), _set),
        "MARK": _mark,
        **dict.fromkeys(("POP", "POP_MARK"), _discard),
        "DUP": _twice,
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
        **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
        **dict.fromkeys(("GLOBAL", "INST"), _named),
        "STACK_GLOBAL": _named_by_stack,
        **dict.fromkeys(("REDUCE", "NEWOBJ", "NEWOBJ_EX"), _reduce),
        "OBJ": _object,
        "BUILD": _build,
        **dict.fromkeys(("PERSID", "BINPERSID"), _persistent),
        **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    }


_MAKERS = frozenset(Global(module, "_reconstructor") for module in ("copyreg", "copy_reg"))
"""They make an object of the class that is their first argument."""
_CODECS = frozenset({Global("_codecs", "encode")})


def _harmless(args: Node) -> bool:
    """Say whether it turns text into bytes; other codecs make names that a scan does not see."""
    return isinstance(args, tuple) and len(args) == 2 and args[1] in ("latin1", "latin-1", "ascii", "utf-8")


def _index(op: Opcode) -> int:
    raw = op.arg or b""
    if op.name not in {"PUT", "GET"}:
        return int.from_bytes(raw, "little")
    try:
        return int(raw[:20])
    except ValueError:
        raise _broken(f"{raw[:20]!r} is no index of its memo") from None


def _paired(items: list[Node]) -> list[tuple[Node, Node]]:
    return list(zip(items[::2], items[1::2], strict=False))


def _broken(what: str) -> CorruptError:
    return CorruptError(f"the pickle is damaged: {what}", code="pickle-broken")
