"""The main job, shown: sign in, post with everything, a thread, a link card; read it all back.

Without options it runs on the sandbox, in this process: nothing leaves the computer. With --real, BLUESKY_HANDLE and
BLUESKY_APP_PASSWORD it does the same on the real network, after asking.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from skywrite import Client, SkywriteError

PAGE = """<!doctype html><html lang="en"><head><title>The weather station</title>
<meta property="og:title" content="The weather station on the roof">
<meta property="og:description" content="Measured every ten minutes since 1987: wind, rain and light.">
<meta property="og:image" content="/card.png"></head><body>Hello</body></html>"""

STORY = (
    "Skywrite takes a text of any length and makes a thread of it. It cuts at the end of a paragraph where it can, "
    "else at the end of a sentence, else between two words, and never inside a link such as "
    "https://example.com/a/rather/long/path, a mention, a #hashtag or an emoji like 👩\u200d👩\u200d👧\u200d👦.\n\n"
    "The posts of a thread are computed here, with their addresses and their checksums, and sent in one commit: the "
    "thread appears whole or not at all. If the connection breaks in the middle, Skywrite looks whether the thread is "
    "there before it tries again, so nobody ever sees it twice."
)


def image(width: int, height: int) -> bytes:
    """A small image made on the spot."""
    from PIL import Image

    down = Image.linear_gradient("L")
    across = down.transpose(Image.Transpose.ROTATE_90)
    file = io.BytesIO()
    Image.merge("RGB", (down, across, down)).resize((width, height)).save(file, "PNG")
    return file.getvalue()


class Page(BaseHTTPRequestHandler):
    """A page of a stranger, for the link card."""

    def do_GET(self) -> None:
        body, kind = (image(600, 315), "image/png") if self.path == "/card.png" else (PAGE.encode(), "text/html")
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def sandbox() -> Iterator[tuple[Client, str, str, str]]:
    """A client signed in to a stand-in for a Bluesky server, the address of a page, and a handle to mention."""
    from skywrite.sandbox import Sandbox

    pages = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    os.environ["SKYWRITE_FETCH_ALLOW"] = "127.0.0.1"
    with Sandbox(accounts=("alice.test", "bob.test")) as box:
        os.environ["SKYWRITE_PLC_URL"] = box.plc_url
        alice = box.account("alice.test")
        say(f"A stand-in for a Bluesky server runs on {box.url}, in this process.")
        yield signed_in(Client(box.url), alice.handle, alice.app_password), page_of(pages), "bob.test", "alice.test"
    pages.shutdown()
    pages.server_close()


def page_of(pages: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{pages.server_address[1]}/station"


@contextmanager
def real() -> Iterator[tuple[Client, str, str, str]]:
    """A client signed in to the real network, after asking."""
    handle, password = os.environ.get("BLUESKY_HANDLE"), os.environ.get("BLUESKY_APP_PASSWORD")
    if not handle or not password:
        sys.exit("Set BLUESKY_HANDLE and BLUESKY_APP_PASSWORD first.")
    answer = input(f"This posts five posts as {handle}, for everybody to see. Type yes to go on: ")
    if answer.strip().lower() != "yes":
        sys.exit("Nothing was posted.")
    yield signed_in(Client(), handle, password), "https://atproto.com", handle, handle


def signed_in(client: Client, handle: str, password: str) -> Client:
    me = client.login(handle, password)
    say(f"Signed in as {me.handle}; its posts live on {me.pds_url}.")
    return client


def say(sentence: str) -> None:
    print(sentence)


def title(text: str) -> None:
    print(f"\n== {text}")


def show(client: Client, uri: str) -> None:
    """Read a post back from the server and show what is in it."""
    value = client.get_post(uri).value
    print(textwrap.indent(value["text"], "   | ", lambda line: True))
    data = value["text"].encode()
    for facet in value.get("facets", []):
        feature = facet["features"][0]
        shown = data[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        kind = feature["$type"].rpartition("#")[2]
        print(f"     {kind}: {shown} -> {feature.get('uri') or feature.get('did') or feature.get('tag')}")
    embed = value.get("embed", {})
    for item in embed.get("images", []):
        size = item["aspectRatio"]
        print(f"     image {size['width']}x{size['height']}, {item['image']['size']} bytes, alt text: {item['alt']}")
    if "external" in embed:
        card = embed["external"]
        print(f"     card: {card['title']} - {card['description']}")
        print(f"           image of {card['thumb']['size']} bytes" if card.get("thumb") else "           no image")
    if "reply" in value:
        print("     a reply to the post above")


def main_job(client: Client, page: str, friend: str) -> None:
    title("1. A post with a link, a mention, a hashtag and an image with alt text")
    posted = client.send_post(
        text=f"Good morning @{friend}! The numbers of today: https://example.com/today #weather",
        images=[{"data": image(800, 400), "alt": "A field of colours, from green to violet"}],
    )
    say(f"   sent as {posted.uri}; read back from the server:")
    show(client, posted.uri)

    title("2. A long text that becomes a thread, in one commit")
    from skywrite.protocol.bsky.split import split_text

    thread = client.send_thread(split_text(STORY))
    for item in thread:
        show(client, item.uri)

    title("3. A link card, made from the page itself")
    posted = client.send_post(text=f"The station has a page now: {page}", card="auto")
    for warning in posted.warnings:
        say(f"   note: {warning}")
    show(client, posted.uri)

    title("4. An error says what to do")
    try:
        client.send_post(text="x" * 301)
    except SkywriteError as error:
        say(f"   {error.name}: {error.message}\n   To do: {error.hint}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", action="store_true", help="post to the real network, after asking")
    chosen = parser.parse_args()
    with real() if chosen.real else sandbox() as (client, page, friend, handle):
        main_job(client, page, friend)
        print(f"\nAll of it was posted as {handle} and read back from the server.")
        if not chosen.real:
            print("It was the sandbox: nothing has left this computer.")


if __name__ == "__main__":
    main()
