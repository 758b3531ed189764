"""What programs and databases see: public names with their signatures, errors, entry points, schemas.

What does not live here: what commands, operations and pages do.
"""

from __future__ import annotations

import inspect
import re
import sqlite3
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from compare.stage import Stage

# Where a class lives is no part of its name.
_MODULE = re.compile(r"\b(?:skywrite|collections\.abc|typing|pathlib|datetime)(?:\.[a-z_]\w*)*\.(?=[A-Za-z_])")


def record(stage: Stage, postgres_url: str) -> Iterator[tuple[str, str]]:
    """A file for each."""
    yield "surface/names.txt", stage.call(lambda: print("\n".join(public_names()))).out
    yield "surface/errors.txt", stage.call(lambda: print("\n".join(errors()))).out
    yield "surface/entry-points.txt", "\n".join(entry_points(stage.source.parent / "pyproject.toml")) + "\n"
    yield "surface/variables.txt", "\n".join(sorted(_variables(stage.source))) + "\n"
    stage.run("queue", more={"SKYWRITE_DATABASE": "new.db"})
    yield "schema/sqlite.txt", sqlite_schema(stage.work / "new.db")
    stage.run("queue", more={"SKYWRITE_DATABASE": postgres_url})
    yield "schema/postgresql.txt", stage.call(lambda: print(postgres_schema(postgres_url))).out


def public_names() -> Iterator[str]:
    """The names of the package, of the queue and its nouns, and of the sandbox."""
    import skywrite
    import skywrite.sandbox

    for package in (skywrite, skywrite.sandbox):
        for name in sorted(package.__all__):
            yield from _members(f"{package.__name__}.{name}", getattr(package, name))
    with skywrite.Skywrite() as sky:
        for name in _public(sky):
            noun = getattr(sky, name)
            if type(noun).__module__.startswith("skywrite.") and not callable(noun) and name not in INNER:
                yield from _members(f"sky.{name}", noun)


# What the fields of named tuples, structs and slotted classes are.
FIELDS = ("_tuplegetter", "member_descriptor")
# For code that builds an interface on the queue; no promise is made about it.
INNER = ("context", "config", "clock", "store")


def _public(thing: object) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]


def _members(path: str, thing: Any) -> Iterator[str]:
    """A name with what it is, and its members if it is a class or an object of ours."""
    yield f"{path}: {_signature(thing)}"
    if inspect.isclass(thing) or type(thing).__module__.startswith("skywrite."):
        for name in _public(thing):
            # What a class inherits from Python itself is not ours.
            if not inspect.isclass(thing) or any(name in vars(base) for base in _ours(thing)):
                yield f"{path}.{name}: {_signature(inspect.getattr_static(thing, name))}"


def _ours(kind: type) -> list[type]:
    return [base for base in kind.__mro__ if base.__module__.startswith("skywrite")]


def _signature(thing: Any) -> str:
    if isinstance(thing, classmethod | staticmethod):
        return f"{type(thing).__name__} {_signature(thing.__func__)}"
    if isinstance(thing, property) or hasattr(thing, "func"):
        getter = thing.fget if isinstance(thing, property) else thing.func
        return f"property -> {_plain(getattr(getter, '__annotations__', {}).get('return', 'Any'))}"
    if inspect.isclass(thing):
        bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object)
        return f"class({bases}) {_of_call(thing)}"
    if callable(thing):
        return _of_call(thing)
    return "field" if type(thing).__name__ in FIELDS else type(thing).__name__


def _of_call(thing: Any) -> str:
    try:
        return _plain(str(inspect.signature(thing)))
    except (TypeError, ValueError):
        return "(...)"


def _plain(text: Any) -> str:
    """A signature without quotes, modules and addresses."""
    # A named tuple keeps the names of its types.
    words = text if isinstance(text, str) else getattr(text, "__name__", str(text))
    return re.sub(
        r" at 0x[0-9a-f]+", "", _MODULE.sub("", re.sub(r"ForwardRef\(([^()]*)\)", r"\1", words.replace("'", "")))
    )


def errors() -> Iterator[str]:
    """Each error with its exit code and HTTP status."""
    from skywrite import SkywriteError

    lines: dict[str, str] = {}
    left: list[type] = [SkywriteError]
    while left:
        kind: Any = left.pop()
        left += kind.__subclasses__()
        lines[kind.__name__] = f"{kind.__name__}: exit code {kind.exit_code}, status {kind.http_status}"
    yield from (lines[name] for name in sorted(lines))


def entry_points(project: Path) -> list[str]:
    """The programs and plug-ins that an installation gets, and its optional parts."""
    with project.open("rb") as file:
        about = tomllib.load(file)["project"]
    scripts = [f"{name} = {place}" for name, place in sorted(about.get("scripts", {}).items())]
    plugins = [
        f"{group}: {name} = {place}"
        for group, entries in sorted(about.get("entry-points", {}).items())
        for name, place in sorted(entries.items())
    ]
    return [*scripts, *plugins, *(f"[{extra}]" for extra in sorted(about.get("optional-dependencies", {})))]


def _variables(source: Path) -> set[str]:
    """The environment variables that the code reads."""
    texts = (path.read_text(encoding="utf-8") for path in (source / "skywrite").rglob("*.py"))
    return {name for text in texts for name in re.findall(r"[\"']((?:SKYWRITE|BLUESKY)_[A-Z_]+)[\"']", text)}


def sqlite_schema(database: Path) -> str:
    """Tables, indexes, views and triggers, whatever the order and the steps in which they were made."""
    query = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(query).fetchall()
    return "\n".join(sorted(f"{kind} {name}\n{statement(sql)}" for kind, name, sql in rows)) + "\n"


def statement(sql: str) -> str:
    """A CREATE statement with its parts in the order of their letters, a line each, without comments and quotes."""
    plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
    plain = re.sub(r'"(\w+)"', r"\1", plain)
    plain = re.sub(r"\s*([(),])\s*", r"\1", " ".join(plain.split()))
    head, bracket, rest = plain.partition("(")
    if not head.upper().startswith("CREATE TABLE") or not bracket:
        return f"  {plain}"
    body, _, tail = rest.rpartition(")")
    return "\n".join(f"  {part}" for part in [*sorted(parts(body)), tail] if part)


def parts(body: str) -> list[str]:
    """What stands between the commas of a list, but for those within brackets and quotes."""
    pieces, depth, quoted = [""], 0, False
    for character in body:
        quoted ^= character == "'"
        depth += 0 if quoted else (character == "(") - (character == ")")
        if character == "," and depth == 0 and not quoted:
            pieces.append("")
        else:
            pieces[-1] += character
    return [part.strip() for part in pieces]


_COLUMNS = """SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, ''),
    coalesce(identity_generation, ''), coalesce(collation_name, ''), coalesce(generation_expression, '')
    FROM information_schema.columns WHERE table_schema = 'public'"""
_CONSTRAINTS = """SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
_FUNCTIONS = """SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    AND prokind = 'f'"""
_TRIGGERS = """SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"""


def postgres_schema(url: str) -> str:
    """The same of PostgreSQL, from its catalogue; names of constraints, which it makes up, are left out."""
    import psycopg

    kinds = {
        "column": _COLUMNS,
        "constraint": _CONSTRAINTS,
        "index": _INDEXES,
        "function": _FUNCTIONS,
        "trigger": _TRIGGERS,
    }
    lines: list[str] = []
    with psycopg.connect(url) as connection:
        for kind, query in kinds.items():
            lines += sorted(f"{kind} {_words(row)}" for row in connection.execute(query.encode()).fetchall())
    return "\n".join(lines)


def _words(row: Sequence[Any]) -> str:
    return " ".join(" ".join(str(value).split()) for value in row if value != "")
