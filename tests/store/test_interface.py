"""The store's interface: one object made of parts, each of which describes its operations."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite.queue import store as store_module
from skywrite.queue.base import StoreBase
from skywrite.queue.store import Store, open_store
from skywrite.queue.vault import Vault


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[dict[str, object]]:
    """The parts of a store, by name."""
    store = open_store(str(tmp_path / "skywrite.db"), Vault(tmp_path))
    lazy = [name for name, value in inspect.getmembers(Store) if type(value).__name__ == "cached_property"]
    eager = [name for name, value in vars(store).items() if type(value).__module__.startswith("skywrite.queue.")]
    yield {name: getattr(store, name) for name in (*lazy, *eager) if name not in ("database", "vault")}
    store.close()


def test_a_store_is_made_of_parts(parts: dict[str, object]) -> None:
    """Each has what it needs from the store, inherits nothing, and is named where the store is described."""
    assert {"accounts", "posts", "claims", "timers", "secrets"} <= set(parts)
    assert [] == [name for name, part in parts.items() if type(part).__bases__ != (object,)]
    assert [] == [name for name in parts if f"`store.{name}`" not in (store_module.__doc__ or "")]


def test_every_method_is_described(parts: dict[str, object]) -> None:
    """Every operation, of a part or of the store itself, says in a sentence what it does."""
    kinds = [StoreBase, Store, *map(type, parts.values())]
    verbs = [verb for kind in kinds for name, verb in vars(kind).items() if callable(verb) and not name.startswith("_")]
    assert len(verbs) > 80
    assert [] == [verb.__qualname__ for verb in verbs if not (verb.__doc__ or "").strip()]
