"""Promises of rights: what is asked for, and what is found missing in what was granted."""

from __future__ import annotations

import pytest

from skywrite.core.errors import InputError
from skywrite.protocol.atproto.oauth_scopes import (
    ALWAYS,
    RIGHTS,
    chosen_rights,
    granted_rights,
    missing_rights,
    right_for,
    scope_in,
    scope_of,
)


def test_only_what_is_needed() -> None:
    """Without more only the rights for posting are asked for; a right that does not exist is an error."""
    assert ("posts", "media", "video") == chosen_rights() == ALWAYS
    assert ("posts", "media", "video", "likes") == chosen_rights(["likes"])
    with pytest.raises(InputError):
        chosen_rights(["everything"])


@pytest.mark.parametrize("name", RIGHTS)
def test_every_right_is_found_when_granted_and_missed_when_not(name: str) -> None:
    """A right that is granted alone is granted, and the only one; one that was dropped is the only one missing."""
    assert name in granted_rights(scope_of([name]))
    others = [other for other in RIGHTS if other != name]
    assert [name] == [right.name for right in missing_rights(scope_of(RIGHTS), scope_of(others))]


@pytest.mark.parametrize(
    ("granted", "rights"),
    [
        ("atproto repo:* blob:*/*", ("posts", "media", "likes", "reposts", "profile", "follow")),
        ("atproto repo:app.bsky.feed.like", ("likes",)),
        ("atproto repo:app.bsky.feed.like?action=create", ()),
        ("atproto blob?accept=video/*&accept=text/*&accept=image/*", ("media",)),
        ("atproto blob:image/*", ()),
        ("", ()),
        ("atproto nonsense:?&=", ()),
    ],
)
def test_scopes_written_otherwise(granted: str, rights: tuple[str, ...]) -> None:
    """A server may write a scope in another form, or wider; what is narrower is missing."""
    assert rights == granted_rights(granted)


def test_a_refusal_names_its_right() -> None:
    """The scope in a server's refusal leads to the right that holds it."""
    message = 'Missing required scope "repo:app.bsky.feed.like?action=create"'
    right = right_for(scope_in(message))
    assert right is not None and "likes" == right.name
    assert ("", None) == (scope_in("No."), right_for("repo:com.example.other?action=create"))
