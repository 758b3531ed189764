"""Sealing everything with another key, in one transaction: sessions, secrets, webhooks' secrets, commands.

What does not live here: where the keys are stored, and which one is current (`app.keys`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from skywrite.queue.accounts import session_about
from skywrite.queue.base import StoreBase
from skywrite.queue.rows import dump_json
from skywrite.queue.settings import secret_about
from skywrite.queue.vault import Vault, WrongKey
from skywrite.queue.webhooks import WEBHOOK_ABOUT


class Resealed(NamedTuple):
    """How many values of each kind were sealed with another key."""

    sessions: int
    secrets: int
    webhooks: int
    commands: int


def reseal(store: StoreBase, old: Vault, new: Vault, commands: Iterable[tuple[int, Mapping[str, Any]]]) -> Resealed:
    """Unseal everything with the old key and seal it with the new one, or change nothing. `commands` are the numbers of
    timers with their settings, which already have their new seals.

    Raises WrongKey.
    """
    with store.writing(wake=False) as tx:
        sessions = [
            tx.run(
                "reseal_session", did=row["did"], session=_moved(row["session"], session_about(row["did"]), old, new)
            )
            for row in tx.rows("sealed_sessions")
        ]
        secrets = [
            tx.run(
                "reseal_secret",
                scope=row["scope"],
                name=row["name"],
                sealed=_moved(row["sealed"], secret_about(row["scope"], row["name"]), old, new),
            )
            for row in tx.rows("sealed_secrets")
        ]
        webhooks = [
            tx.run(
                "reseal_webhook",
                id=row["id"],
                secret=_moved(row["secret"], WEBHOOK_ABOUT, old, new),
                previous_secret=row["previous_secret"] and _moved(row["previous_secret"], WEBHOOK_ABOUT, old, new),
            )
            for row in tx.rows("sealed_webhooks")
        ]
        timers = [tx.run("reseal_timer", id=number, settings=dump_json(settings)) for number, settings in commands]
        return Resealed(len(sessions), len(secrets), len(webhooks), len(timers))


def opens(store: StoreBase, vault: Vault) -> bool | None:
    """Whether a key opens what is stored; None if nothing is sealed."""
    with store.reading() as tx:
        for row in tx.rows("sealed_sessions"):
            return _fits(vault, row["session"], session_about(row["did"]))
        for row in tx.rows("sealed_webhooks"):
            return _fits(vault, row["secret"], WEBHOOK_ABOUT)
    return None


def _fits(vault: Vault, sealed: bytes, about: str) -> bool:
    try:
        vault.unseal(sealed, about)
    except WrongKey:
        return False
    return True


def _moved(sealed: bytes, about: str, old: Vault, new: Vault) -> bytes:
    return new.seal(old.unseal(sealed, about), about)
