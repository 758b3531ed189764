"""Small changes to a piece of Python or SQL, in the order of the text. Pure.

What is left alone: names, texts, annotations, docstrings, decorators, and what only type checkers read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from functools import cache
from typing import NamedTuple

from tests.support.processes import ROOT

COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
CALCULATED: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Add(),
    ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Mult(),
    ast.Mod: ast.Mult(),
    ast.Pow: ast.Mult(),
    ast.BitAnd: ast.BitOr(),
    ast.BitOr: ast.BitAnd(),
}
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
SOURCE = ROOT / "src" / "skywrite"
LARGE = 100
REMOVED = (ast.AugAssign, ast.Raise, ast.Delete, ast.Break, ast.Continue)
IN_SQL: Sequence[tuple[str, str]] = (
    (r"<=", "<"),
    (r">=", ">"),
    (r"(?<![<>=])<(?![=>])", "<="),
    (r"(?<![<>=])>(?!=)", ">="),
    (r"(?<![<>=!])=(?!=)", "<>"),
    (r"\bAND\b", "OR"),
    (r"\bOR\b", "AND"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"\bNOT (?=EXISTS)", ""),
    (r"(?<!NOT )\bEXISTS\b", "NOT EXISTS"),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\+", "-"),
    (r"(?m)^ +AND .*$", ""),
)


class Change(NamedTuple):
    """A piece of text and what replaces it; `inside` is the outermost function around it (or ""), or the query."""

    path: str
    line: int
    start: int
    end: int
    new: str
    inside: str

    def applied(self, source: str) -> str:
        """The source with this change."""
        return source[: self.start] + self.new + source[self.end :]

    def name(self, source: str) -> str:
        """What stays the same when lines above it come and go."""
        line = f"{source}\n"[source.rfind("\n", 0, self.start) + 1 :].partition("\n")[0].strip()
        old = " ".join(source[self.start : self.end].split())
        return f"{self.path}:{self.inside or '-'}: {old!r} -> {self.new!r} in {line!r}"

    def diff(self, source: str) -> str:
        """As a person reads it."""
        lines = unified_diff(source.splitlines(), self.applied(source).splitlines(), n=2, lineterm="")
        return "\n".join(list(lines)[2:])


@cache
def source_of(path: str) -> str:
    """The text of a module, as it was when it was first asked for: a hunt takes long, and people go on working."""
    return (SOURCE / path).read_text("utf-8")


def python_changes(path: str, source: str) -> list[Change]:
    """All changes of a module."""
    return sorted(set(_Finder(path, source).found), key=lambda change: (change.start, change.end, change.new))


def sql_changes(path: str, source: str) -> list[Change]:
    """All changes of a file of named queries; `SET x = y` and what is inserted are left alone."""
    changes = []
    for query in re.finditer(r"-- name: (\w+)\n(?:--.*\n)*((?:(?!-- name: ).*\n?)*)", source):
        for start, end, new in _in_query(query[2]):
            at = query.start(2) + start
            line = source.count("\n", 0, at) + 1
            changes.append(Change(path, line, at, query.start(2) + end, new, query[1]))
    return sorted(changes, key=lambda change: (change.start, change.end, change.new))


def _in_query(text: str) -> Iterator[tuple[int, int, str]]:
    settings = [match.span() for match in re.finditer(r"\bSET\b(?:(?!\bWHERE\b)[\s\S])*", text)]
    for pattern, new in IN_SQL:
        for match in re.finditer(pattern, text):
            assigned = pattern.endswith("=(?!=)") and any(a <= match.start() < b for a, b in settings)
            if not assigned:
                yield match.start(), match.end(), new
    for match in re.finditer(r"(?<![\w:.])\d+(?![\w.])", text):
        yield match.start(), match.end(), _other(int(match[0]))


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: str) -> None:
        self.found: list[Change] = []
        self._path = path
        self._source = source
        # Columns of ast count bytes.
        self._lines = [line.encode() for line in source.splitlines(keepends=True)]
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line.decode()))
        self._classes: list[str] = []
        self._outermost = ""
        self.visit(ast.parse(source))

    def _at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1][:column].decode())

    def _change(self, node: ast.expr | ast.stmt, new: str) -> None:
        start, end = self._span(node)
        self.found.append(Change(self._path, node.lineno, start, end, new, self._outermost))

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno and node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._source[start:end]

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name == "__repr__":
            return
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        outermost = self._outermost
        self._outermost = outermost or ".".join((*self._classes, node.name))
        self._all(node.body)
        self._outermost = outermost

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._classes.append(node.name)
        self._all(node.body)
        self._classes.pop()

    def _all(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.visit(statement)

    def visit_If(self, node: ast.If) -> None:
        if self._text(node.test) == "TYPE_CHECKING":
            return
        self._condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
            self._change(test, f"not ({self._text(test)})")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        for place in range(len(node.ops)):
            symbols = [
                COMPARED[type(operator)] if number == place else SYMBOLS[type(operator)]
                for number, operator in enumerate(node.ops)
            ]
            operands = [self._operand(operand) for operand in (node.left, *node.comparators)]
            rest = (f" {symbol} {operand}" for symbol, operand in zip(symbols, operands[1:], strict=True))
            self._change(node, operands[0] + "".join(rest))
        self.generic_visit(node)

    def _operand(self, node: ast.expr) -> str:
        text = self._text(node)
        return f"({text})" if isinstance(node, ast.NamedExpr | ast.BoolOp | ast.IfExp | ast.Compare) else text

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = " or " if isinstance(node.op, ast.And) else " and "
        parts = [f"({self._text(value)})" for value in node.values]
        self._change(node, other.join(parts))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._change(node, f"bool({self._text(node.operand)})")
        elif isinstance(node.op, ast.USub):
            self._change(node, self._text(node.operand))
            if isinstance(node.operand, ast.Constant):
                return
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        other = CALCULATED.get(type(node.op))
        texts = any(isinstance(part, ast.JoinedStr) or _is_text(part) for part in (node.left, node.right))
        types = isinstance(node.op, ast.BitOr) and all(_is_type(part) for part in (node.left, node.right))
        if other and not texts and not types:
            changed = ast.BinOp(ast.Name("LEFT"), other, ast.Name("RIGHT"))
            symbol = ast.unparse(changed).removeprefix("LEFT").removesuffix("RIGHT")
            self._change(node, f"({self._text(node.left)}){symbol}({self._text(node.right)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._change(node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._change(node, _other(node.value))

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
            self._change(node.func, SWAPPED[node.func.id])
        if isinstance(node.func, ast.Name) and node.func.id in ("cast", "TypeVar"):
            return
        # zip(strict=True) says, like an assertion, what cannot be.
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "strict"]
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        """What cannot be is nobody's promise."""

    def visit_Raise(self, node: ast.Raise) -> None:
        """Nor is what cannot be reached."""
        if not (isinstance(node.exc, ast.Call) and self._text(node.exc.func) == "AssertionError"):
            self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        """`strict` asserts that lists are of one length."""
        if node.arg != "strict":
            self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Texts say what they like."""

    def visit_Return(self, node: ast.Return) -> None:
        # None is as false as False: whoever asks cannot see the difference.
        if node.value is not None and ast.unparse(node.value) not in ("None", "False"):
            self._change(node, "return None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.Call | ast.Await):
            self._change(node, "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if self._outermost and all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            self._change(node, "pass")
        self.visit(node.value)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, REMOVED) and self._outermost:
            self._change(node, "pass")
        super().generic_visit(node)


def _other(number: float) -> str:
    """One more, or twice as much of something large."""
    return repr(number + 1 if abs(number) < LARGE else number * 2)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _is_type(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_type(node.left) and _is_type(node.right)
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Constant)
