"""What the databases write differently, as one expression each."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Hexadecimal(FunctionElement[str]):
    """Bytes as lower-case hexadecimal digits."""

    type = Text()
    inherit_cache = True


class CodePoints(FunctionElement[str]):
    """Text that is compared by its code points, where a column's collation does not say so already."""

    type = Text()
    inherit_cache = True


@compiles(Hexadecimal)
def _hexadecimal(element: Hexadecimal, compiler: SQLCompiler, **given: object) -> str:
    return f"lower(hex({compiler.process(element.clauses, **given)}))"


@compiles(Hexadecimal, "postgresql")
def _hexadecimal_postgresql(element: Hexadecimal, compiler: SQLCompiler, **given: object) -> str:
    return f"encode({compiler.process(element.clauses, **given)}, 'hex')"


@compiles(CodePoints)
def _code_points(element: CodePoints, compiler: SQLCompiler, **given: object) -> str:
    return compiler.process(element.clauses, **given)


@compiles(CodePoints, "postgresql")
def _code_points_postgresql(element: CodePoints, compiler: SQLCompiler, **given: object) -> str:
    return f'({compiler.process(element.clauses, **given)}) COLLATE "C"'
