"""What webhooks are told about posts that are out and about new items of the inbox: all of it, once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.protocol.bsky.contents import plain_text
from skywrite.queue.webhooks import Webhooks
from tests.support.world import World


@pytest.fixture
def told(sky: Skywrite) -> Any:
    """The messages of one kind, in order, for a webhook that listens from the beginning."""
    hooks = Webhooks(sky.context.store)
    hook, _ = hooks.add("https://receiver.example/hook")

    def messages(kind: str) -> list[dict[str, Any]]:
        deliveries = [one for one in hooks.deliveries(hook.id) if one.kind == kind]
        return [json.loads(one.body)["data"] for one in reversed(deliveries)]

    return messages


def test_a_published_post_is_told_whole(sky: Skywrite, world: World, told: Any, image: Any) -> None:
    """Parts, texts, links, tags, languages, and each image with its alt text at an address where anybody gets it."""
    posted = sky.post(
        "Look at https://example.com/a/very/long/address/that/is/shown/short #news",
        images=[{"path": image(), "alt": "A square"}],
        langs=["en"],
        labels=["nudity"],
        thread=[{"text": "Second, [here](https://example.com/b)", "markdown": True}],
    )
    (data,) = told("post.published")
    first, second = data["parts"]
    assert (posted.uri, first["url"], ["en"]) == (first["uri"], data["url"], data["langs"])
    assert "Look at https://example.com/a/very/long/address/that/is/shown/short #news" == first["plain_text"]
    assert first["text"] != first["plain_text"]
    assert ["https://example.com/a/very/long/address/that/is/shown/short", "news"] == [
        facet["features"][0].get("uri") or facet["features"][0]["tag"] for facet in first["facets"]
    ]
    assert ("Second, here (https://example.com/b)", posted.uri) == (second["plain_text"], second["reply_to"]["uri"])
    (shown,) = first["media"]
    assert ("image", "A square", ["nudity"]) == (shown["kind"], shown["alt"], first["labels"])
    response = world.transport.request("GET", shown["url"])
    assert (200, shown["mime"], shown["size"]) == (
        response.status,
        response.headers["content-type"],
        len(response.body),
    )


def test_a_stream_is_told_little(sky: Skywrite, told: Any) -> None:
    """What only messages need is not stored with each event."""
    from skywrite.queue.events import Events

    sky.post("Short")
    (event,) = [one for one in Events(sky.context.store).after(0) if one.kind == "post.published"]
    assert ("Short", False) == (event.data["text"], "parts" in event.data)
    assert ["Short"] == [part["text"] for part in told("post.published")[0]["parts"]]


def test_new_items_are_told_and_old_ones_are_not(sky: Skywrite, world: World, told: Any) -> None:
    """A reply that comes after the first look, with all that the inbox knows of it; none twice."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    sent = sky.post("What do you think?", account="alice.test")
    sky.post("It was there before", account="bob.test", reply_to=sent.uri)
    sky.inbox.collect("alice.test")
    asked = sky.post("A lot!", account="bob.test", reply_to=sent.uri)
    sky.inbox.collect("alice.test")
    sky.inbox.collect("alice.test")
    (data,) = told("inbox.received")
    assert ("reply", "A lot!", asked.uri, sent.uri, "bob.test", "alice.test") == tuple(
        data[name] for name in ("reason", "text", "uri", "parent", "author_handle", "account")
    )
    assert data["id"] == next(item.id for item in sky.inbox.list() if item.uri == asked.uri)


@pytest.mark.parametrize(
    ("label", "uri", "written"),
    [
        ("example.com/a…", "https://example.com/abc", "https://example.com/abc"),
        ("www.example.com", "https://www.example.com/", "https://www.example.com/"),
        ("here", "https://example.com", "here (https://example.com)"),
        ("ex", "https://example.com", "ex (https://example.com)"),
        ("ä.example/ü…", "https://ä.example/üö", "https://ä.example/üö"),
    ],
)
def test_links_are_written_out(label: str, uri: str, written: str) -> None:
    """A shortened address becomes the whole one; words are followed by where they lead, whatever their bytes."""
    start = len("Ü: ".encode())
    features = [{"$type": "app.bsky.richtext.facet#link", "uri": uri}]
    facet = {"index": {"byteStart": start, "byteEnd": start + len(label.encode())}, "features": features}
    assert f"Ü: {written}!" == plain_text(f"Ü: {label}!", [facet])
