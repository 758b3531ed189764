"""What a key or a session allows now: for a request, and again and again for a stream that stays open.

What lives here: rights from what is stored. What does not: reading a key or cookie from a request (`auth`), and what
rights allow (`app.operations`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from skywrite.app import Skywrite
from skywrite.app.operations import Access
from skywrite.queue.api_keys import ApiKey, ApiKeys
from skywrite.queue.people import People, Person


class Credential(NamedTuple):
    """What somebody showed: an API key, by its number, or a session, by the digest of its secret."""

    key_id: int | None = None
    session: str | None = None


def access_of_person(sky: Skywrite, person: Person) -> Access:
    """The rights of a person on the page."""
    return Access(sky, frozenset(person.scopes), who=f"person {person.id}", source="page", person_id=person.id)


def access_of_key(sky: Skywrite, key: ApiKey, person: Person | None = None, source: str = "api") -> Access:
    """The rights of a key; one that came from a person has never more than the person (`person`) has now."""
    scopes = frozenset(key.scopes)
    if key.person_id is not None:
        scopes &= frozenset(() if person is None else person.scopes)
    accounts = None if key.accounts is None else frozenset(key.accounts)
    first = ApiKeys(sky.context.store).first_of(key)
    return Access(
        sky,
        scopes,
        accounts,
        who=f"key {key.id}",
        source=source,
        key=key,
        person_id=key.person_id,
        shared_by=None if first == key.id else first,
    )


def rights_now(sky: Skywrite, shown: Collection[Credential]) -> dict[Credential, Access]:
    """What each credential allows now; those that allow nothing any more are left out."""
    store = sky.context.store
    people = {person.id: person for person in People(store).all()}
    rights: dict[Credential, Access] = {}
    for key in ApiKeys(store).valid([one.key_id for one in shown if one.key_id is not None]):
        person = None if key.person_id is None else people.get(key.person_id)
        rights[Credential(key_id=key.id)] = access_of_key(sky, key, person)
    sessions = People(store).of_sessions([one.session for one in shown if one.session is not None])
    for digest, person_id in sessions.items():
        if person_id in people:
            rights[Credential(session=digest)] = access_of_person(sky, people[person_id])
    return rights
