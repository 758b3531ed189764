"""Everything that is sealed is put under another key, on both databases, or nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from skywrite.queue.rekey import opens, reseal
from skywrite.queue.store import Store
from skywrite.queue.vault import Vault, WrongKey
from skywrite.queue.webhooks import Webhooks
from tests.support.stored import ALICE, BOB


def test_all_or_nothing(store: Store, home: Path) -> None:
    """Sessions, secrets and webhooks open with the new key alone; one that does not open leaves all as it was."""
    old, new = store.vault, Vault(home, "a new passphrase")
    store.secrets.put("oauth", "client", "secret")
    store.settings.put("oauth", "plain", "c2VjcmV0")
    hooks = Webhooks(store)
    hook, _ = hooks.add("https://hooks.example/a")
    hooks.replace_secret(hook.id)
    assert (True, False) == (opens(store, old), opens(store, new))
    with pytest.raises(WrongKey):
        reseal(store, Vault(home, "another one"), new, [])
    assert (True, "secret") == (opens(store, old), store.secrets.get("oauth", "client"))
    assert (2, 1, 1, 0) == tuple(reseal(store, old, new, []))
    assert (False, True) == (opens(store, old), opens(store, new))
    store.vault = new
    assert (ALICE, "secret", "c2VjcmV0") == (
        getattr(store.sessions.load(ALICE), "did", None),
        store.secrets.get("oauth", "client"),
        store.settings.get("oauth", "plain"),
    )


def test_nothing_sealed_is_no_answer(store: Store, home: Path) -> None:
    """Where nothing is sealed, no key is the wrong one."""
    for did in (ALICE, BOB):
        store.accounts.sign_out(did)
    assert opens(store, Vault(home, "any")) is None
