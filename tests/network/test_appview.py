"""What readers see: posts of our client, read back through the AppView of the reference network."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image

from skywrite import Client
from tests.support.network import Network
from tests.support.pds import PdsAccount

pytestmark = pytest.mark.network

PAGE = b"""<html><head><meta property="og:title" content="The harbour"><meta property="og:description"
content="Tides of the week"></head><body></body></html>"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a page with Open Graph tags."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/harbour"
        server.shutdown()
        thread.join()


@pytest.fixture
def client(network: Network, author: PdsAccount, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Our client, signed in as the author."""
    monkeypatch.setenv("SKYWRITE_PLC_URL", network.plc_url)
    monkeypatch.setenv("SKYWRITE_FETCH_ALLOW", "127.0.0.1")
    client = Client(network.url)
    client.login(author.handle, author.app_password)
    return client


def shown(network: Network, reader: PdsAccount, uri: str) -> dict[str, Any]:
    """The thread of a post as the reader sees it."""
    network.settle()
    answer = network.call("app.bsky.feed.getPostThread", params={"uri": uri, "depth": 10}, jwt=reader.access_jwt)
    thread: dict[str, Any] = answer["thread"]
    return thread


def image() -> bytes:
    """A small PNG."""
    file = io.BytesIO()
    Image.new("RGB", (40, 20), "teal").save(file, "PNG")
    return file.getvalue()


def test_mentioned_people_are_notified(
    network: Network, client: Client, author: PdsAccount, reader: PdsAccount
) -> None:
    """A mention reaches its person, and links, hashtags and languages are as they were sent."""
    text = f"Hello @{reader.handle}, see https://example.com #harbour"
    post = client.send_post(text, langs=["en"])
    record = shown(network, reader, post.uri)["post"]["record"]
    assert (text, ["en"]) == (record["text"], record["langs"])
    kinds = [facet["features"][0]["$type"].rpartition("#")[2] for facet in record["facets"]]
    assert ["mention", "link", "tag"] == kinds
    told = network.call("app.bsky.notification.listNotifications", params={"limit": 10}, jwt=reader.access_jwt)
    assert [("mention", post.uri)] == [(one["reason"], one["uri"]) for one in told["notifications"]]


def test_a_thread_is_shown_in_order(network: Network, client: Client, reader: PdsAccount) -> None:
    """The posts of a thread hang below each other, in order."""
    posts = client.send_thread(["one", "two", "three"])
    below, texts = shown(network, reader, posts[0].uri), []
    while True:
        texts.append(below["post"]["record"]["text"])
        if not below["replies"]:
            break
        (below,) = below["replies"]
    assert ["one", "two", "three"] == texts


def test_images_are_shown(network: Network, client: Client, reader: PdsAccount) -> None:
    """Images come with their alt texts and shapes."""
    few = client.send_post("two", images=[{"data": image(), "alt": f"teal {number}"} for number in range(2)])
    embed = shown(network, reader, few.uri)["post"]["embed"]
    assert "app.bsky.embed.images#view" == embed["$type"]
    assert [("teal 0", {"width": 40, "height": 20}), ("teal 1", {"width": 40, "height": 20})] == [
        (image["alt"], image["aspectRatio"]) for image in embed["images"]
    ]


def test_more_than_four_images_are_a_gallery(network: Network, client: Client, reader: PdsAccount) -> None:
    """Ten images come as a gallery, in their order."""
    alts = [f"teal {number}" for number in range(10)]
    many = client.send_post("ten", images=[{"data": image(), "alt": alt} for alt in alts])
    embed = shown(network, reader, many.uri)["post"]["embed"]
    assert "app.bsky.embed.gallery#view" == embed["$type"]
    assert alts == [item["alt"] for item in embed["items"]]


def test_a_card_is_shown(network: Network, client: Client, reader: PdsAccount, page: str) -> None:
    """The card of a page has its title and description."""
    post = client.send_post("The tides", card=page)
    assert () == post.warnings
    embed = shown(network, reader, post.uri)["post"]["embed"]
    assert "app.bsky.embed.external#view" == embed["$type"]
    card = embed["external"]
    assert (page, "The harbour", "Tides of the week") == (card["uri"], card["title"], card["description"])


def test_a_quote_is_shown(network: Network, client: Client, reader: PdsAccount) -> None:
    """A quoted post is shown inside the post that quotes it."""
    quoted = client.send_post("the first word")
    quoting = client.send_post("the last word", quote=quoted)
    embed = shown(network, reader, quoting.uri)["post"]["embed"]
    assert ("app.bsky.embed.record#view", quoted.uri) == (embed["$type"], embed["record"]["uri"])


def test_gates_hold(network: Network, client: Client, reader: PdsAccount) -> None:
    """Others can neither answer nor quote a post that says so."""
    post = client.send_post("the last word", replies=["nobody"], quotes=False)
    viewer = shown(network, reader, post.uri)["post"]["viewer"]
    assert (True, True) == (viewer["replyDisabled"], viewer["embeddingDisabled"])


def test_labels_are_shown(network: Network, client: Client, author: PdsAccount, reader: PdsAccount) -> None:
    """A self-label stands at the post, as its author's word."""
    post = client.send_post("careful", labels=["graphic-media"])
    labels = shown(network, reader, post.uri)["post"]["labels"]
    assert [("graphic-media", author.did)] == [(label["val"], label["src"]) for label in labels]


def test_deleted_posts_are_gone(network: Network, client: Client, reader: PdsAccount) -> None:
    """A deleted post is shown to nobody."""
    post = client.send_post("never mind", replies=["nobody"])
    client.delete_post(post.uri)
    network.settle()
    answer = network.call("app.bsky.feed.getPosts", params={"uris": [post.uri]}, jwt=reader.access_jwt)
    assert [] == answer["posts"]
