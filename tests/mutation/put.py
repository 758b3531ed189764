"""How a change gets into the program: into the living function, into a named query, or into a module that is loaded."""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from types import CodeType, FunctionType

from tests.mutation.changes import SOURCE, Change, source_of
from tests.support.processes import ROOT

TESTS = ROOT / "tests"


def live_functions() -> dict[str, list[FunctionType]]:
    """The functions of the program that are in memory, by module and name."""
    functions: dict[str, list[FunctionType]] = defaultdict(list)
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(str(SOURCE)):
            functions[place_of(thing.__code__)].append(thing)
    return functions


def module_of(path: str) -> str:
    """The name of a module."""
    return "skywrite." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def place_of(code: CodeType) -> str:
    """Module and outermost function."""
    return f"{code.co_filename.removeprefix(f'{SOURCE}/')}:{code.co_qualname.partition('.<locals>')[0]}"


def can_put(change: Change, functions: dict[str, list[FunctionType]], loading: set[str]) -> bool:
    """Whether the living functions can get this change: those that ran while modules were loaded did their work."""
    place = f"{change.path}:{change.inside}"
    return place not in loading and bool(list(_exchanged(change, functions)))


def put_function(change: Change, functions: dict[str, list[FunctionType]]) -> None:
    """Give the living functions their changed code."""
    for function, code in list(_exchanged(change, functions)):
        function.__code__ = code


def _exchanged(change: Change, functions: dict[str, list[FunctionType]]) -> Iterator[tuple[FunctionType, CodeType]]:
    """The functions to change, each with its new code."""
    path, source = SOURCE / change.path, source_of(change.path)
    old, new = (
        list(codes(compile(text, str(path), "exec", dont_inherit=True), change.inside))
        for text in (source, change.applied(source))
    )
    pairs = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
    for function in functions.get(f"{change.path}:{change.inside}", ()):
        mine = function.__code__
        for one, other in pairs:
            is_same = mine.co_firstlineno == one.co_firstlineno and "<locals>" not in mine.co_qualname
            if is_same and mine.co_freevars == other.co_freevars:
                yield function, other


def codes(code: CodeType, name: str) -> Iterator[CodeType]:
    """All code of that name inside of `code`."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == name:
                yield constant
            elif name.startswith(f"{constant.co_qualname}."):
                yield from codes(constant, name)


def put_query(change: Change) -> None:
    """Change a named query."""
    from skywrite.queue import queries

    text = dict(queries._named(change.applied(source_of(change.path))))[change.inside]
    queries.load_queries("sqlite")[change.inside] = text  # type: ignore[index]  # a dict, though none may change it


@cache
def who_runs(query: str) -> set[str]:
    """The functions that name a query, of the program and of the tests that ask the database themselves."""
    places = set()
    for path in [*(SOURCE / "queue").glob("*.py"), *(TESTS / "store").glob("*.py")]:
        text = path.read_text("utf-8")
        if f'"{query}"' in text:
            modules = [compile(text, str(path), "exec", dont_inherit=True)]
            places |= {place_of(code) for module in modules for code in naming(module, query)}
    return places


def naming(code: CodeType, text: str) -> Iterator[CodeType]:
    """The code inside of `code` with this constant."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if text in constant.co_consts:
                yield constant
            yield from naming(constant, text)


class ChangedModule(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):  # type: ignore[misc]
    """Loads one module with its change."""

    def __init__(self, change: Change) -> None:
        self._module = module_of(change.path)
        self._path = str(SOURCE / change.path)
        self._source = change.applied(source_of(change.path))
        self.was_used = False

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self._module:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=self)

    def get_filename(self, name: str) -> str:
        return self._path

    def get_data(self, path: str) -> bytes:
        self.was_used = True
        return self._source.encode()
