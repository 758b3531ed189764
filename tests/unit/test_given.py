"""Given is not None: where None stands for "not given", no code takes an empty value for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import ROOT

SOURCE = ROOT / "src" / "skywrite"
# Kinds of values that can be empty or zero.
_CAN_BE_EMPTY = {
    "str",
    "bytes",
    "int",
    "float",
    "Sequence",
    "Mapping",
    "Iterable",
    "Collection",
    "list",
    "tuple",
    "dict",
}
_YES_OR_NO = ("bool", "Annotated[bool")
_CAN_BE_EMPTY |= {"set", "frozenset", "timedelta", "bool", "Any"}


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _is_optional(annotation: ast.expr | None) -> bool:
    """Whether a parameter may be None, or a value that can be empty."""
    if annotation is None:
        return False
    nodes = list(ast.walk(annotation))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return any(isinstance(node, ast.Constant) and node.value is None for node in nodes) and bool(names & _CAN_BE_EMPTY)


def _optional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {argument.arg for argument in arguments if _is_optional(argument.annotation)}


def _conditions(tree: ast.AST) -> set[int]:
    """The expressions that only say yes or no."""
    ids: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.While | ast.Assert | ast.IfExp):
            ids |= {id(inner) for inner in ast.walk(node.test)}
        if isinstance(node, ast.comprehension):
            ids |= {id(inner) for test in node.ifs for inner in ast.walk(test)}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("bool", "any", "all"):
            ids |= {id(inner) for argument in node.args for inner in ast.walk(argument)}
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            ids |= {id(inner) for inner in ast.walk(node.operand)}
    return ids


def _is_empty(node: ast.expr) -> bool:
    """Whether a default is empty itself: then it does not matter whether an empty value was given."""
    if isinstance(node, ast.Constant):
        return node.value is not None and not node.value
    return isinstance(node, ast.Dict | ast.List | ast.Tuple) and not ast.unparse(node).strip("{}[]()")


def _is_given(node: ast.expr, optional: set[str]) -> bool:
    """Whether somebody may have given it: an optional parameter, a field of an operation's input, or a setting."""
    if isinstance(node, ast.Name):
        return node.id in optional
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "given"
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("settings.get")


def _flags(tree: ast.AST) -> set[str]:
    """The fields of classes that are a yes or no."""
    fields = (node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name))
    return {field.target.id for field in fields if ast.unparse(field.annotation).startswith(_YES_OR_NO)}  # type: ignore[union-attr]


def _is_flag(node: ast.expr, flags: set[str]) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in flags


def _replaced(function: ast.FunctionDef | ast.AsyncFunctionDef, flags: set[str]) -> Iterator[tuple[int, str]]:
    """Each `x or y` and `... if x else y` that puts y for an empty x."""
    optional, conditions = _optional(function), _conditions(function)
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and id(node) not in conditions:
            values, default = [value for value in node.values[:-1] if not _is_flag(value, flags)], node.values[-1]
        elif isinstance(node, ast.IfExp) and not _is_flag(node.test, flags):
            values, default = [node.test], node.orelse
        else:
            continue
        if not _is_empty(default) and any(_is_given(value, optional) for value in values):
            yield node.lineno, ast.unparse(node)


def _found(trees: dict[Path, ast.Module]) -> Iterator[str]:
    flags = {name for tree in trees.values() for name in _flags(tree)}
    for path, tree in trees.items():
        for function in _functions(tree):
            yield from (f"{path.relative_to(SOURCE)}:{line}: {text}" for line, text in _replaced(function, flags))


def test_an_empty_value_is_given() -> None:
    """No `x or default` where x is an optional parameter, a field of an input or a setting: `is None` asks for that."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
    places = sorted(set(_found(trees)))
    assert [] == places, "\n".join(places)
