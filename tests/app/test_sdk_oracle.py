"""The atproto SDK's public names, walked in the installed package: each works here, or the guide says why not.

What lives here: that walk, with the SDK as the oracle. What does not: calls (`test_sdk`, `test_sdk_scripts`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from types import ModuleType
from typing import Any

import pytest

import skywrite
from skywrite import AsyncClient, Client, client_utils, exceptions, models
from skywrite.sdk.lexicons import is_record, method
from skywrite.sdk.names import camel_path
from tests.support.processes import ROOT

GUIDE = "docs/guide/from-the-atproto-sdk.md"
# What the SDK's generated modules import for themselves.
_IMPORTS = {"t", "te", "Field", "base", "dot_dict", "string_formats", "unknown_union", "unknown_type", "models"}
_IMPORTS |= {"BlobRef", "UnknownType", "UnknownInputType", "CIDType", "annotations"}


@pytest.fixture(scope="module")
def sdk() -> Any:
    """The installed SDK."""
    import atproto
    import atproto.exceptions

    return atproto


def public(of: Any) -> list[str]:
    """Its public names."""
    return [name for name in dir(of) if not name.startswith("_")]


@cache
def refused() -> dict[str, str]:
    """The patterns of names that the guide's table refuses, each with its sentence."""
    text = (ROOT / GUIDE).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \| (.+?\.) \|$", text[text.index("| Not here |") :], re.MULTILINE)
    return {pattern: why for names, why in rows for pattern in re.findall(r"`([^`]+)`", names)}


def unexplained(missing: list[str]) -> list[str]:
    """Those that no row of the table names."""
    return [name for name in missing if not any(fnmatchcase(name, pattern) for pattern in refused())]


def lexicons(sdk: Any) -> Iterator[tuple[str, ModuleType]]:
    """The SDK's modules of models under their names."""
    for alias in public(sdk.models.ids):
        if alias[0].isupper():
            yield alias, getattr(sdk.models, alias)


def model_names(sdk: Any) -> Iterator[tuple[str, str, Any]]:
    """Each class or type of each lexicon."""
    for alias, module in lexicons(sdk):
        for name, model in vars(module).items():
            if not name.startswith("_") and name not in _IMPORTS:
                yield alias, name, model


def methods(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The SDK's tree of methods and collections below a namespace, with their paths."""
    for name in public(node):
        member = getattr(node, name)
        if inspect.ismethod(member):
            yield f"{path}.{name}", member
        elif type(member).__module__.startswith("atproto_client.namespaces"):
            yield from methods(member, f"{path}.{name}")


def works(ours: Any, name: str) -> bool:
    """Whether there is something under a name; `client.me` needs a sign-in first."""
    try:
        return name in dir(ours) if isinstance(ours, Client) else hasattr(ours, name)
    except ImportError:
        return False


def all_missing(sdk: Any) -> list[str]:
    """Every public name of the SDK that is not here."""
    client, theirs = Client(), sdk.Client()
    here = [("atproto", sdk.__all__, skywrite), ("Client", public(theirs), client)]
    here += [("client_utils", sdk.client_utils.__all__, client_utils)]
    errors = vars(sdk.exceptions).items()
    raised = [name for name, one in errors if isinstance(one, type) and issubclass(one, Exception)]
    here += [("exceptions", raised, exceptions)]
    here += [("models", public(sdk.models), models)]
    here += [("Model", public(sdk.models.AppBskyFeedPost.Record), models.AppBskyFeedPost.Record)]
    missing = [f"{place}.{name}" for place, names, ours in here for name in names if not works(ours, name)]
    for alias, name, _ in model_names(sdk):
        if not hasattr(getattr(models, alias, None), name):
            missing.append(f"models.{alias}.{name}")
    return missing


def test_every_public_name_works_or_is_explained(sdk: Any) -> None:
    """Exports, the client's, errors, models and the methods that every model has."""
    assert [] == unexplained(all_missing(sdk))


def test_an_import_of_what_is_missing_says_what_to_do(sdk: Any) -> None:
    """Each missing export and error of the SDK is refused in one sentence, and not in Python's own words."""
    places = {"atproto": "skywrite", "exceptions": "skywrite.exceptions"}
    missing = [one.split(".", 1) for one in all_missing(sdk) if one.split(".")[0] in places]
    assert len(missing) > 40
    for place, name in missing:
        with pytest.raises(ImportError, match=f"^Skywrite has no {name}: .*[.a-z_]$"):
            exec(f"from {places[place]} import {name}", {})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from skywrite.firehose import FirehoseSubscribeReposClient", "Skywrite has no firehose: the firehose is"),
        ("from skywrite.xrpc_client.models import ids", "Skywrite has no xrpc_client: models, client_utils and"),
        ("from skywrite import TextBuilder", "Skywrite has no TextBuilder: it is client_utils.TextBuilder"),
        ("from skywrite import Nonsense", "cannot import name 'Nonsense'"),
    ],
)
def test_modules_of_older_versions(line: str, message: str) -> None:
    """What scripts of 2023 import is refused with what to import instead; all else as Python refuses it."""
    with pytest.raises(ImportError, match=f"^{message}"):
        exec(line, {})
    assert not hasattr(skywrite, "Nonsense")


def test_every_row_of_the_table_refuses_something(sdk: Any) -> None:
    """A row about names that work would mislead."""
    missing = [*all_missing(sdk), *missing_fields(sdk), *missing_methods(sdk), *missing_arguments(sdk)]
    assert [] == [one for one in refused() if not any(fnmatchcase(name, one) for name in missing)]


def missing_fields(sdk: Any) -> list[str]:
    """Fields of the SDK's models that those here do not have, or under another name."""
    missing = []
    for alias, name, theirs in model_names(sdk):
        ours = getattr(getattr(models, alias, None), name, None)
        if ours is None or not hasattr(theirs, "model_fields"):
            continue
        known = {*dir(ours.__new__(ours)), "py_type"}
        fields = [field for field in theirs.model_fields if not {field, field.removesuffix("_")} & known]
        missing += [f"models.{alias}.{name}.{field}" for field in fields]
    return missing


def test_every_field_has_the_same_name(sdk: Any) -> None:
    """In each model that is here."""
    assert [] == unexplained(missing_fields(sdk))


def missing_methods(sdk: Any) -> list[str]:
    """Paths of methods that are not known here, or as something else."""
    missing = []
    for root in ("app", "chat", "com", "internal", "network", "place", "site", "social", "tools"):
        for path, theirs in methods(getattr(sdk.Client(), root), root):
            parent, _, name = path.rpartition(".")
            if is_record(camel_path(parent)) and name in ("create", "get", "list", "delete"):
                continue
            known = method(camel_path(path))
            wants_data = "data" in inspect.signature(theirs).parameters
            if known is None or (wants_data and known.is_query):
                missing.append(path)
    return missing


def test_every_method_of_the_network_is_known(sdk: Any) -> None:
    """As a query or a procedure, so that nothing is guessed from its verb."""
    assert [] == unexplained(missing_methods(sdk))


def missing_arguments(sdk: Any) -> list[str]:
    """Arguments of the SDK's client that the methods here do not take by name."""
    wrong: list[str] = []
    client = Client()
    for name in public(sdk.Client):
        theirs = getattr(sdk.Client, name)
        if not inspect.isfunction(theirs) or not works(client, name):
            continue
        ours = getattr(client, name)
        taken = {*inspect.signature(inspect.unwrap(ours)).parameters, *getattr(ours, "also", ())}
        names = [one for one in inspect.signature(theirs).parameters if one not in ("self", "kwargs", "args")]
        if not {"arguments", "keywords"} <= taken:
            wrong += [f"Client.{name}({one})" for one in names if one not in taken]
    return wrong


def test_methods_of_the_client_take_the_same_arguments(sdk: Any) -> None:
    """By the SDK's own names, as far as the signature tells."""
    assert [] == unexplained(missing_arguments(sdk))


def test_the_client_for_asyncio_awaits_what_the_sdk_awaits(sdk: Any) -> None:
    """Each of its methods is there, and is a coroutine exactly where it is one in the SDK."""
    client = AsyncClient()
    theirs = {name: getattr(sdk.AsyncClient, name) for name in public(sdk.AsyncClient)}
    awaited = {name for name, member in theirs.items() if inspect.iscoroutinefunction(member)}
    plain = {name for name, member in theirs.items() if inspect.isfunction(member)} - awaited
    ours = {name: getattr(client, name) for name in awaited | plain}
    coroutines = {name for name, one in ours.items() if inspect.iscoroutinefunction(one) or one.__name__ == "awaited"}
    assert awaited == coroutines
