"""People who use the page: their roles, the links that sign them in, their sessions and their passkeys.

What lives here: what is stored; secrets only as digests. What does not: cookies (`server.auth`) and
the checks of passkeys (`features.people`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from skywrite.core.errors import Conflict, InputError, NotFound
from skywrite.core.shown import check_name, named
from skywrite.queue.api_keys import SCOPES, Scope, digest_of, new_secret
from skywrite.queue.base import StoreBase, items_of
from skywrite.queue.database import Row, time_of
from skywrite.queue.reading import readable, reads

Role = Literal["viewer", "writer", "approver", "owner"]
ROLES: tuple[Role, ...] = get_args(Role)
ROLE_SCOPES: dict[Role, tuple[Scope, ...]] = {
    "viewer": ("read",),
    "writer": ("read", "draft"),
    "approver": ("read", "draft", "schedule", "publish"),
    "owner": SCOPES,
}

LINK_LIFETIME = timedelta(minutes=30)
INVITATION_LIFETIME = timedelta(days=7)
SESSION_LIFETIME = timedelta(days=30)
_SECRET_CHARACTERS = 32


class Person(NamedTuple):
    """A person who signs in on the page."""

    id: int
    name: str
    role: Role
    created_at: datetime

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What this person may do, in the terms of API keys."""
        return ROLE_SCOPES[self.role]


class Passkey(NamedTuple):
    """A passkey of a person; `credential_id` is base64url."""

    credential_id: str
    person_id: int
    name: str
    public_key: bytes
    sign_count: int
    created_at: datetime
    last_used_at: datetime | None


class People:
    """The people of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(self, name: str, role: Role) -> Person:
        """Add a person."""
        check_name(name, "A person")
        if role not in ROLES:
            raise InputError(f"{role!r} is not a role.", hint=f"Choose from: {', '.join(ROLES)}.")
        with self._store.writing(wake=False) as tx:
            row = tx.row("insert_person", name=name, role=role, now=self._store.clock.now())
            assert row is not None
            return _person_of(row)

    def all(self) -> list[Person]:
        """Everyone."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_people"), _person_of)

    def get(self, person_id: int) -> Person:
        """One person. Raises NotFound."""
        with self._store.reading() as tx:
            row = tx.row("get_person", id=person_id)
        if row is None:
            raise NotFound(f"There is no person {named(person_id)}.", code="person.unknown")
        return _person_of(row)

    def owner(self) -> Person:
        """The first owner, who is created on first use."""
        owners = [person for person in self.all() if person.role == "owner"]
        return owners[0] if owners else self.add("Owner", "owner")

    def change_role(self, person_id: int, role: Role) -> Person:
        """Change a person's role. Raises NotFound, Conflict."""
        if role not in ROLES:
            raise InputError(f"{role!r} is not a role.", hint=f"Choose from: {', '.join(ROLES)}.")
        if role != "owner":
            self._keep_an_owner(person_id)
        with self._store.writing(wake=False) as tx:
            tx.run("set_person_role", id=person_id, role=role)
        return self.get(person_id)

    def remove(self, person_id: int) -> None:
        """Remove a person; their sessions, keys and agents end at once. Raises NotFound, Conflict."""
        self.get(person_id)
        self._keep_an_owner(person_id)
        with self._store.writing(wake=False) as tx:
            tx.run("revoke_keys_of_person", id=person_id, now=self._store.clock.now())
            tx.run("delete_person", id=person_id)

    def prune(self) -> None:
        """Forget links and sessions that have expired."""
        now = self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            tx.run("forget_old_links", now=now)
            tx.run("forget_old_sessions", now=now)

    def new_link(self, person_id: int, lifetime: timedelta = LINK_LIFETIME) -> str:
        """The secret of a link that signs this person in, once."""
        secret, now = new_secret(_SECRET_CHARACTERS), self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            tx.run("forget_old_links", now=now)
            values = {"digest": digest_of(secret), "person_id": person_id, "now": now, "expires_at": now + lifetime}
            tx.run("insert_sign_in_link", **values)
        return secret

    def use_link(self, secret: str) -> Person | None:
        """Use up a link. Returns the person whom it signs in, or None if it was used before or is too old."""
        with self._store.writing(wake=False) as tx:
            row = tx.row("use_sign_in_link", digest=digest_of(secret), now=self._store.clock.now())
            person = None if row is None else tx.row("get_person", id=row["person_id"])
            return None if person is None else _person_of(person)

    def begin_session(self, person_id: int) -> str:
        """The secret of a new session."""
        secret, now = new_secret(_SECRET_CHARACTERS), self._store.clock.now()
        values = {"digest": digest_of(secret), "person_id": person_id, "now": now}
        with self._store.writing(wake=False) as tx:
            tx.run("forget_old_sessions", now=now)
            tx.run("insert_web_session", **values, expires_at=now + SESSION_LIFETIME)
        return secret

    def of_session(self, secret: str) -> Person | None:
        """The person of this session; None if it has ended."""
        with self._store.reading() as tx:
            row = tx.row("person_of_session", digest=digest_of(secret), now=self._store.clock.now())
        return None if row is None else _person_of(row)

    def of_sessions(self, digests: Sequence[str]) -> dict[str, int]:
        """The numbers of the people of those of these sessions that have not ended, by the digest of the secret."""
        items = items_of({"digest": digest} for digest in digests)
        with self._store.reading() as tx:
            rows = tx.rows("open_web_sessions", items=items, now=self._store.clock.now())
        return {row["digest"]: row["person_id"] for row in rows}

    def end_session(self, secret: str) -> None:
        """Sign out."""
        with self._store.writing(wake=False) as tx:
            tx.run("delete_web_session", digest=digest_of(secret))

    def add_passkey(self, person_id: int, credential_id: str, name: str, public_key: bytes, sign_count: int) -> None:
        """Store a verified passkey."""
        values = {"credential_id": credential_id, "person_id": person_id, "name": name, "public_key": public_key}
        with self._store.writing(wake=False) as tx:
            tx.run("insert_passkey", **values, sign_count=sign_count, now=self._store.clock.now())

    def passkey(self, credential_id: str) -> Passkey | None:
        """One passkey."""
        with self._store.reading() as tx:
            row = tx.row("get_passkey", credential_id=credential_id)
        return None if row is None else _passkey_of(row)

    def passkeys(self, person_id: int) -> list[Passkey]:
        """The passkeys of a person."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_passkeys", person_id=person_id), _passkey_of)

    def has_passkey(self) -> bool:
        """Whether anybody has a passkey."""
        with self._store.reading() as tx:
            row = tx.row("count_passkeys")
        return row is not None and row["count"] > 0

    def note_passkey(self, credential_id: str, sign_count: int) -> None:
        """Record that a passkey was used."""
        with self._store.writing(wake=False) as tx:
            now = self._store.clock.now()
            tx.run("note_passkey_use", credential_id=credential_id, sign_count=sign_count, now=now)

    def remove_passkey(self, person_id: int, credential_id: str) -> None:
        """Remove a passkey."""
        with self._store.writing(wake=False) as tx:
            tx.run("delete_passkey", credential_id=credential_id, person_id=person_id)

    def _keep_an_owner(self, person_id: int) -> None:
        if [person.id for person in self.all() if person.role == "owner"] == [person_id]:
            raise Conflict(
                "This is the only owner.", code="person.last_owner", hint="Make another person an owner first."
            )


@reads("person")
def _person_of(row: Row) -> Person:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return Person(row["id"], row["name"], row["role"], created_at)


@reads("passkey", "credential_id")
def _passkey_of(row: Row) -> Passkey:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return Passkey(
        credential_id=row["credential_id"],
        person_id=row["person_id"],
        name=row["name"],
        public_key=bytes(row["public_key"]),
        sign_count=row["sign_count"],
        created_at=created_at,
        last_used_at=time_of(row["last_used_at"]),
    )
