"""Gates: who may reply and who may quote, as records."""

from __future__ import annotations

import pytest

from skywrite.protocol.bsky.gates import check_allow, postgate, threadgate
from tests.support.errors import fails

POST = "at://did:plc:7iza6de2dwap2sbkpav7c6c6/app.bsky.feed.post/3k2yihcrp6f2c"
LIST = "at://did:plc:7iza6de2dwap2sbkpav7c6c6/app.bsky.graph.list/3k2yihcrp6f2d"
NOW = "2026-01-01T00:00:00.000Z"


def test_every_rule() -> None:
    """Rules become the lexicon's objects, in the order given."""
    gate = threadgate(POST, ["mentioned", "followers", "following", LIST], NOW)
    assert {
        "$type": "app.bsky.feed.threadgate",
        "post": POST,
        "allow": [
            {"$type": "app.bsky.feed.threadgate#mentionRule"},
            {"$type": "app.bsky.feed.threadgate#followerRule"},
            {"$type": "app.bsky.feed.threadgate#followingRule"},
            {"$type": "app.bsky.feed.threadgate#listRule", "list": LIST},
        ],
        "createdAt": NOW,
    } == gate


@pytest.mark.parametrize("allow", [["nobody"], "nobody", []])
def test_nobody(allow: list[str]) -> None:
    """Nobody is an empty list, which is not the same as no list."""
    assert [] == threadgate(POST, allow, NOW)["allow"]


def test_most_rules() -> None:
    """Five rules are accepted."""
    lists = [f"{LIST[:-1]}{last}" for last in "abcde"]
    assert lists == check_allow(lists)


def test_rules_once() -> None:
    """A rule given twice counts once."""
    assert ["mentioned", LIST] == check_allow(["mentioned", LIST, "mentioned"])


@pytest.mark.parametrize(
    ("allow", "part"),
    [
        (["friends"], "friends"),
        (["nobody", "mentioned"], "excludes all"),
        ([POST], "does not say who"),
        ([f"{LIST[:-1]}{last}" for last in "abcdef"], "the maximum is 5"),
    ],
)
def test_refused(allow: list[str], part: str) -> None:
    """Unknown rules, contradictions and more than five are refused."""
    with fails("gate.invalid", match=part):
        check_allow(allow)


def test_postgate() -> None:
    """A postgate stops quotes."""
    assert {
        "$type": "app.bsky.feed.postgate",
        "post": POST,
        "embeddingRules": [{"$type": "app.bsky.feed.postgate#disableRule"}],
        "createdAt": NOW,
    } == postgate(POST, NOW)


@pytest.mark.parametrize("uri", ["https://bsky.app/profile/a/post/b", LIST, ""])
def test_only_posts_have_gates(uri: str) -> None:
    """A gate belongs to a post."""
    with fails("gate.invalid"):
        postgate(uri, NOW)
    with fails("gate.invalid"):
        threadgate(uri, [], NOW)


def test_times_are_checked() -> None:
    """A gate's createdAt is checked as a post's is."""
    with fails("timestamp.invalid"):
        postgate(POST, "yesterday")
