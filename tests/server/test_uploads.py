"""Uploads: in one request, and in pieces that may be resumed."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import Api, Server

TUS = {"tus-resumable": "1.0.0"}
PIECE = {**TUS, "content-type": "application/offset+octet-stream"}


@pytest.fixture
def image() -> bytes:
    """A PNG."""
    with io.BytesIO() as data:
        Image.effect_noise((120, 80), 90).save(data, "PNG")
        return data.getvalue()


def test_an_upload_goes_into_a_post(everything: Api, image: bytes, fresh_key: str) -> None:
    """What was uploaded is named in a post by its `media`, with its description and its size."""
    upload = everything.send("POST", "/media?name=Photo.PNG", content=image).json()
    assert ("Photo.PNG", 120, 80, []) == (upload["name"], upload["width"], upload["height"], upload["warnings"])
    images = [{"media": upload["media"], "alt": "Noise"}]
    shown = everything.post("/posts/preview", {"text": "Look", "images": images}).json()
    embed = shown["posts"][0]["embed"]["images"][0]
    assert ("Noise", {"width": 120, "height": 80}) == (embed["alt"], embed["aspectRatio"])
    assert 201 == everything.post("/posts", {"text": fresh_key, "images": images, "draft": True}).status_code


def test_an_animated_gif_loops_in_a_post(everything: Api) -> None:
    """Its upload is a video that says so, and no image."""
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    with io.BytesIO() as data:
        frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], duration=200)
        upload = everything.send("POST", "/media?name=moving.gif", content=data.getvalue()).json()
    video = {"media": upload["media"], "alt": "It moves"}
    shown = everything.post("/posts/preview", {"video": video}).json()["posts"][0]["embed"]
    assert (True, "gif") == (upload["gif"], shown["presentation"])
    refused = everything.post("/posts/preview", {"images": [video]})
    assert (422, True) == (refused.status_code, "is a video" in refused.json()["detail"])


def test_uploads_are_resumed(everything: Api, image: bytes) -> None:
    """An upload that was cut off goes on where it ended; a piece that came twice is refused."""
    name = base64.b64encode(b"noise.png").decode()
    headers = {**TUS, "upload-length": str(len(image)), "upload-metadata": f"filename {name}"}
    begun = everything.send("POST", "/media/uploads", headers=headers)
    path = begun.headers["location"].removeprefix("/api/v1")
    half = len(image) // 2
    first = everything.send("PATCH", path, headers={**PIECE, "upload-offset": "0"}, content=image[:half])
    again = everything.send("PATCH", path, headers={**PIECE, "upload-offset": "0"}, content=image[:half])
    asked = everything.send("HEAD", path, headers=TUS)
    last = everything.send("PATCH", path, headers={**PIECE, "upload-offset": str(half)}, content=image[half:])
    assert (201, 204, 409, 200, 201) == tuple(item.status_code for item in (begun, first, again, asked, last))
    assert str(half) == asked.headers["upload-offset"] == again.headers["upload-offset"]
    assert ("noise.png", 120) == (last.json()["name"], last.json()["width"])
    assert 410 == everything.send("HEAD", path, headers=TUS).status_code


def test_uploads_belong_to_their_callers(server: Server, everything: Api, image: bytes) -> None:
    """Another key neither continues an upload nor uses what was uploaded."""
    other = server.with_key("read", "draft")
    headers = {**TUS, "upload-length": str(len(image))}
    path = everything.send("POST", "/media/uploads", headers=headers).headers["location"].removeprefix("/api/v1")
    assert 410 == other.send("PATCH", path, headers={**PIECE, "upload-offset": "0"}, content=image).status_code
    assert 204 == everything.delete(path, headers=TUS).status_code
    upload = everything.send("POST", "/media", content=image).json()
    assert 404 == other.get(f"/media/{upload['media']}").status_code
    images = [{"media": upload["media"], "alt": "Theirs"}]
    assert 404 == other.post("/posts", {"text": "a", "images": images}).status_code


def test_an_upload_that_is_aborted_under_way_is_gone(server: Server, everything: Api) -> None:
    """Its caller deletes it while a piece arrives: the piece is answered as one of an upload that is no more."""
    headers = {**TUS, "upload-length": "1000"}
    path = everything.send("POST", "/media/uploads", headers=headers).headers["location"].removeprefix("/api/v1")

    def piece() -> Iterator[bytes]:
        yield b"x" * 500
        assert 204 == everything.delete(path, headers=TUS).status_code
        yield b"x" * 100

    answer = everything.send("PATCH", path, headers={**PIECE, "upload-offset": "0"}, content=piece())
    assert (410, "upload.gone") == (answer.status_code, answer.json()["code"])


def test_the_same_bytes_belong_to_each_who_uploads_them(server: Server, everything: Api, image: bytes) -> None:
    """Another key that uploads them again, and drops them, takes nobody's away."""
    other = server.with_key("read", "draft")
    upload = everything.send("POST", "/media?name=mine.png", content=image).json()
    theirs = other.send("POST", "/media?name=theirs.png", content=image).json()
    assert upload["media"] == theirs["media"]
    assert "mine.png" == everything.get(f"/media/{upload['media']}").json()["name"]
    assert "theirs.png" == other.delete(f"/media/{upload['media']}").json()["name"]
    images = [{"media": upload["media"], "alt": "Noise"}]
    assert 200 == everything.post("/posts/preview", {"text": "a", "images": images}).status_code


def test_more_than_was_announced_is_refused(everything: Api) -> None:
    """A piece that is longer than the rest of the upload is refused."""
    headers = {**TUS, "upload-length": "5"}
    path = everything.send("POST", "/media/uploads", headers=headers).headers["location"].removeprefix("/api/v1")
    answer = everything.send("PATCH", path, headers={**PIECE, "upload-offset": "0"}, content=b"123456")
    assert 413 == answer.status_code
    everything.delete(path, headers=TUS)


@pytest.mark.parametrize("size", ["", "-1", "0", "999999999999", "x"])
def test_sizes_are_bounded(everything: Api, size: str) -> None:
    """An upload says how large it is, and is not larger than the server takes."""
    assert everything.send("POST", "/media/uploads", headers={**TUS, "upload-length": size}).status_code in (400, 413)


def test_forms_are_refused_with_a_hint(everything: Api, image: bytes) -> None:
    """The body is the file itself; a form says so in its hint."""
    answer = everything.send("POST", "/media", files={"file": image})
    assert (415, "Send the file as it is.") == (answer.status_code, answer.json()["hint"])


def test_an_upload_needs_the_right(server: Server, image: bytes) -> None:
    """A key that may only read uploads nothing, and nobody does without one."""
    assert 403 == server.with_key("read").send("POST", "/media", content=image).status_code
    assert 401 == httpx.post(f"{server.url}/api/v1/media", content=image, timeout=PATIENCE_SECONDS).status_code
