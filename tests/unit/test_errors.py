"""Errors: few classes, and a code for each thing that can go wrong."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from skywrite import exceptions
from skywrite.core.codes import CODES, name_of
from skywrite.core.errors import SkywriteError
from skywrite.queue.model import Problem
from tests.support.processes import ROOT

SOURCE = ROOT / "src" / "skywrite"
# What the command line prints about itself, and why a post waits: no exceptions, so no classes.
NO_CLASSES = {
    *("OutputLost", "SystemRefused", "UsageError"),
    *("Deleted", "FoundOnNetwork", "HeldByUser", "MissedTime", "NeedsLogin", "NotApproved", "Rejected"),
}
# Nothing here catches it: a bot that reads the times of others does, and goes on with the next one.
FOR_OTHERS = {"PastTime"}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package that may raise an error, by name."""
    return {
        ".".join(path.with_suffix("").relative_to(SOURCE.parent).parts).removesuffix(".__init__"): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in sorted(SOURCE.rglob("*.py"))
        if path.name not in ("codes.py", "__main__.py") and "sandbox" not in path.relative_to(SOURCE).parts
    }


@cache
def classes() -> dict[str, type[SkywriteError]]:
    """Every class of errors, by its name."""
    classes = {"SkywriteError": SkywriteError}
    for name, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and re.search(r"\w", node.name):
                kind = getattr(import_module(name), node.name)
                if isinstance(kind, type) and issubclass(kind, SkywriteError):
                    assert classes.setdefault(node.name, kind) is kind, f"two classes are called {node.name}"
    return classes


def calls() -> Iterator[tuple[str, str, ast.expr | None]]:
    """Every call of an error class: where, which, and its code."""
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if called in classes():
                    codes = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                    yield f"{name}:{node.lineno}", called, codes[0] if codes else None


def constants() -> set[str]:
    """Every text of the code that is no docstring."""
    return {
        node.value
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def caught() -> set[str]:
    """The names of the classes that some code catches, or asks for."""
    places: list[ast.AST] = []
    for tree in modules().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                places.append(node.type)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "suppress"):
                places += node.args
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
                places.append(node.value)
    return {
        getattr(inner, "id", getattr(inner, "attr", ""))
        for place in places
        for inner in ast.walk(place)
        if isinstance(inner, ast.Name | ast.Attribute)
    }


def test_a_code_is_two_words_that_no_other_class_has() -> None:
    """Lower case, the noun first, and each code belongs to one class."""
    codes = [code for known in CODES.values() for code in known]
    assert [] == [code for code in codes if not re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", code)]
    assert sorted(set(codes)) == sorted(codes)


def test_every_code_has_a_meaning_and_is_used() -> None:
    """A code that nothing raises is not listed, and each says what it means in a sentence."""
    meanings = {code: meaning for known in CODES.values() for code, meaning in known.items()}
    assert [] == [code for code, meaning in meanings.items() if not re.fullmatch(r".{10,}\.", meaning)]
    assert [] == sorted(meanings.keys() - constants())


def test_every_code_that_is_raised_is_listed_with_its_class() -> None:
    """The list says of each code the class that is raised with it."""
    raised = [(place, kind, code.value) for place, kind, code in calls() if isinstance(code, ast.Constant)]
    own = [(kind.__module__, name, str(vars(kind)["code"])) for name, kind in classes().items() if "code" in vars(kind)]
    assert [] == [one for one in (*raised, *own) if one[1] != name_of(one[2])]


def test_every_error_has_a_code_of_its_own() -> None:
    """Whatever is raised without a code is of a class that has one, and not its parent's."""
    bare = {kind for _, kind, code in calls() if code is None}
    assert [] == sorted(kind for kind in bare if "code" not in vars(classes()[kind]))


def test_every_class_is_there_to_be_caught() -> None:
    """It is caught in the code or in a guide, has a status or an exit code of its own, says more, or is the SDK's."""
    known = caught() | {kind.__name__ for kind in vars(exceptions).values() if inspect.isclass(kind)}
    for name, kind in classes().items():
        if {"http_status", "exit_code", "__init__"} & vars(kind).keys():
            known.add(name)
    assert [] == sorted(classes().keys() - known - FOR_OTHERS - _caught_in_guides())


def _caught_in_guides() -> set[str]:
    guides = (path.read_text(encoding="utf-8") for path in (*Path(ROOT / "docs").rglob("*.md"), ROOT / "README.md"))
    return {name for text in guides for name in re.findall(r"except \(?(\w+)", text) if not hasattr(builtins, name)}


def test_the_list_names_no_class_that_is_gone() -> None:
    """What it files codes under is a class, or one of the few that are none."""
    assert sorted(NO_CLASSES) == sorted(CODES.keys() - classes().keys())


def test_an_error_says_its_class_and_its_code() -> None:
    """As JSON, in the log, and in the database, from which its class is read back."""
    error = classes()["Conflict"]("It is published.", code="post.not_editable", hint="See it.")
    document = {"error": "Conflict", "code": "post.not_editable", "message": "It is published.", "hint": "See it."}
    assert (document, document) == (error.as_dict(), Problem.of(error).as_dict())


@pytest.mark.parametrize("name", ["OSError", "KeyError"])
def test_a_bug_has_a_code_too(name: str) -> None:
    """Of a foreign error only its class is told: its message may hold anything."""
    problem = Problem.of(getattr(builtins, name)("secret"))
    assert ("Unexpected", "skywrite.bug", False) == (problem.name, problem.code, "secret" in problem.message)
