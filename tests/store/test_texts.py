"""Texts that are none, as a shell gives them for bytes that are not UTF-8: said to whoever gave them, and not a bug."""

from __future__ import annotations

from skywrite.queue.store import Store
from tests.support.errors import fails

HALF = "caf\udce9"


def test_half_a_character_is_an_error_of_the_input(store: Store) -> None:
    """Wherever it comes from, to look for it or to store it."""
    with fails("text.invalid"), store.reading() as tx:
        tx.row("hook_called", name=HALF)
    with fails("text.invalid"), store.writing() as tx:
        tx.run("use_oauth_client", id=HALF, now=store.clock.now())


def test_half_a_character_leaves_what_was_before_it(store: Store) -> None:
    """The transaction ends, and the next one works."""
    with fails("text.invalid"):
        store.at_once(lambda: store.accounts.get(HALF))
    assert 2 == len(store.accounts.all())
