"""The store's interface: one class made of groups of verbs, none of which hides another's."""

from __future__ import annotations

import re
from collections import Counter

from skywrite.queue import store as store_module
from skywrite.queue.base import StoreBase
from skywrite.queue.store import Store


def groups() -> list[type]:
    """The classes that the store is made of."""
    return [one for one in Store.__mro__ if one is not object]


def public_verbs() -> dict[str, object]:
    """What users of the store may call, by name."""
    found = {name: value for one in reversed(groups()) for name, value in vars(one).items() if callable(value)}
    return {name: value for name, value in found.items() if not name.startswith("_")}


def test_no_group_hides_a_method_of_another() -> None:
    """Every name is defined once, so that adding a group of verbs never changes what another one does."""
    names = [name for one in groups() if one is not StoreBase for name in vars(one) if not name.startswith("__")]
    assert [] == [name for name, count in Counter(names).items() if count > 1]
    assert set() == set(names) & {name for name in vars(StoreBase) if not name.startswith("__")}


def test_every_method_is_described() -> None:
    """Every verb says in a sentence what it does, and is listed where the store is described."""
    listed = set(re.findall(r"\w+", store_module.__doc__ or ""))
    verbs = public_verbs()
    assert [] == [name for name, verb in verbs.items() if not (verb.__doc__ or "").strip()]
    assert [] == sorted(set(verbs) - listed - {"close"})
