"""What the page about hooks needs: other programs, which sign and send what they report.

What lives here: their messages. What does not: what a hook refuses (`tests/features/hooks/test_hooks.py`).
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import httpx

from skywrite import Skywrite
from tests.docs.world import World
from tests.support.processes import PATIENCE_SECONDS

SECRET = "a secret of the other program"


def secrets(world: World) -> None:
    """The secrets that other programs have made, and the public address of the server."""
    (world.folder / "secret.txt").write_text(SECRET + "\n")
    world.environ["SHOP_SECRET"] = SECRET
    world.places["https://posts.example.com"] = world.environ["SKYWRITE_URL"]


def secret_printed(world: World) -> None:
    """The command prints the secret, which the other program then has."""
    match = re.search(r"^[0-9a-f]{64}$", world.kept["out"], re.MULTILINE)
    assert match, world.kept["out"]
    world.kept["secret"] = match[0]


def a_release(world: World) -> None:
    """Of the messages about a release one makes a post; those about a pre-release make none."""
    release = {"name": "Kite 2.0", "tag_name": "v2", "html_url": "https://example.com/kite", "prerelease": False}

    def tell(**more: Any) -> dict[str, Any]:
        body = json.dumps({"action": "published", "release": release, **more}).encode()
        headers = {"x-hub-signature-256": "sha256=" + _mac(world.kept["secret"], body).hex()}
        return _send(world, "releases", body, headers)

    assert ["nothing", "nothing", "made", "repeated"] == [
        tell(action="created")["outcome"],
        tell(release={**release, "prerelease": True})["outcome"],
        tell()["outcome"],
        tell()["outcome"],
    ]
    assert "Kite 2.0 is out: https://example.com/kite" == _text(world, tell()["post"])


def an_order(world: World) -> None:
    """The shop tells of an order."""
    body = json.dumps({"id": 1, "line_items": [{"title": "A kite"}, {"title": "String"}]}).encode()
    headers = {"x-shopify-hmac-sha256": base64.b64encode(_mac(SECRET, body)).decode()}
    assert "Just sold: A kite" == _text(world, _send(world, "orders", body, headers)["post"])


def an_article(world: World) -> None:
    """Ghost tells of an article, with the secret that the command has printed."""
    secret_printed(world)
    body = json.dumps({"post": {"current": {"title": "Wind", "url": "https://example.com/wind"}}}).encode()
    at = str(int(time.time() * 1000))
    mac = _mac(world.kept["secret"], body + at.encode()).hex()
    answer = _send(world, "articles", body, {"x-ghost-signature": f"sha256={mac}, t={at}"})
    assert "Wind https://example.com/wind" == _text(world, answer["post"])


def _mac(secret: str, signed: bytes) -> bytes:
    return hmac.new(secret.encode(), signed, sha256).digest()


def _send(world: World, name: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    url = f"{world.environ['SKYWRITE_URL']}/hooks/{name}"
    kind = {"content-type": "application/json", **headers}
    answer = httpx.post(url, content=body, headers=kind, timeout=PATIENCE_SECONDS)
    assert answer.is_success, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _text(world: World, post_id: int) -> str:
    with world.inside(), Skywrite() as sky:
        return sky.posts.get(post_id).post.text
