"""`skywrite serve --demo`: a queue to play with, on a sandbox inside this process.

What lives here: two accounts, a filled week, and nothing that outlives the process or leaves this computer.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from skywrite.app import Skywrite
from skywrite.client import Client
from skywrite.core.config import load_config
from skywrite.core.errors import SkywriteError
from skywrite.features import feature
from skywrite.queue.model import Slot
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport

HANDLES = ("alice.test", "bob.test")
SLOT_MINUTES = (9 * 60, 17 * 60 + 30)
# (days from today, hour, text)
WEEK = (
    (1, 8, "Good morning! The doors open at 9:00 today. #bakery"),
    (1, 12, "Today's soup: carrot and ginger. More on [our menu](https://example.com/menu)."),
    (2, 9, "We are looking for someone who likes early mornings: [join us](https://example.com/jobs)"),
    (3, 18, "Thank you for a lovely week of #sourdough. What should we bake next?"),
    (4, 10, "Closed on Monday. See you on Tuesday!"),
    (5, 11, "A short video of our new oven comes tomorrow."),
    (6, 9, "Sunday special: cinnamon rolls, warm from the oven."),
)
PUBLISHED = ("Hello from the sandbox: nothing that you see here leaves this computer.", "The ovens are hot. 🥐")
NEIGHBOUR = "carol.test"
REPLIES = ("Lovely! Do you open on Sundays, too?", "The best cinnamon rolls in town. 🧡")
DRAFTS = ("An idea for spring: rhubarb.", "Ask our neighbours whether they join the street party")


@contextmanager
def demo_queue() -> Iterator[Skywrite]:
    """A queue with two sandbox accounts and a filled week; it is deleted at the end."""
    with _home() as home:
        box = Sandbox()
        environ = {"SKYWRITE_HOME": str(home), "SKYWRITE_PLC_URL": box.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
        config = load_config(environ)._replace(fetch_allow=load_config().fetch_allow)
        with Skywrite(config=config, transport=SandboxTransport(box)) as sky:
            _sign_in(sky, box)
            _fill(sky)
            _fill_inbox(sky, box)
            yield sky


@contextmanager
def _home() -> Iterator[Path]:
    """A temporary folder, or SKYWRITE_HOME if that is new, so that other commands (`keys add`) see the demo too."""
    named = os.environ.get("SKYWRITE_HOME")
    if named and not _holds_something(home := Path(named).expanduser()):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            yield home
        finally:
            shutil.rmtree(home, ignore_errors=True)
    else:
        with tempfile.TemporaryDirectory(prefix="skywrite-demo-") as folder:
            yield Path(folder)


def _holds_something(home: Path) -> bool:
    """Whether the folder is in use, or cannot be used."""
    try:
        return any(home.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _sign_in(sky: Skywrite, box: Sandbox) -> None:
    for handle in HANDLES:
        sky.accounts.login(handle, box.account(handle).app_password, pds=box.url)
    did = sky.accounts.get(HANDLES[0]).did
    sky.context.store.accounts.set_settings(did, {"zone": "Europe/Berlin", "gap_seconds": 60, "inbox": True})
    slots = [Slot(day, minute, "Europe/Berlin") for day in range(5) for minute in SLOT_MINUTES]
    sky.context.store.recurrences.set_slots(did, slots)


def _fill(sky: Skywrite) -> None:
    """Fill the queue as after a week of use; if one part fails, the others are still added."""
    midnight = sky.context.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for text in PUBLISHED:
        _tried(sky.posts.publish, text, card="none")
    for day, hour, text in WEEK:
        at = midnight + timedelta(days=day, hours=hour)
        _tried(sky.posts.schedule, text, at=at, card="none", source="demo")
    at = midnight + timedelta(days=2, hours=15)
    image = {"data": _image(), "alt": "A warm gradient, like the sky at six in the morning"}
    _tried(sky.posts.schedule, "The light in the bakery this morning", at=at, images=[image], source="demo")
    _tried(sky.posts.schedule, "Bob says hello", at=at, account=HANDLES[1], source="demo")
    for text in DRAFTS:
        _tried(sky.posts.schedule, text, draft=True, source="demo")
    _tried(sky.posts.schedule, "It is Friday: bread for the weekend until 18:00.", every="fridays 14:00", source="demo")


def _fill_inbox(sky: Skywrite, box: Sandbox) -> None:
    """What a neighbour wrote about a post."""
    with suppress(SkywriteError):
        account = sky.accounts.get(HANDLES[0])
        (post, *_) = sky.context.store.listing.posts(("published",), account_did=account.did)
        neighbour = Client(box.url, transport=SandboxTransport(box))
        neighbour.login(NEIGHBOUR, box.account(NEIGHBOUR).app_password)
        for text in REPLIES:
            neighbour.send_post(text, reply_to=post.uri)
        if feature("answers"):
            sky.inbox.collect(account.did)


def _tried(call: Any, *arguments: Any, **options: Any) -> None:
    with suppress(SkywriteError):
        call(*arguments, **options)


def _image() -> bytes:
    from PIL import Image

    image = Image.linear_gradient("L").resize((1200, 800))
    colours = [min(255, 90 + value * 2 // 3) for value in range(256)]
    red, green = image.point(colours), image.point([value // 2 + 60 for value in range(256)])
    with io.BytesIO() as data:
        Image.merge("RGB", (red, green, image.point([200 - value // 2 for value in range(256)]))).save(data, "JPEG")
        return data.getvalue()
