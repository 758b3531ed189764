"""Blobs: upload, types, limits, and how records hold them."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.protocol.atproto.cid import cid_for_blob
from tests.contract.asking import NOBODY, NOWHERE_BLOB, Writer, images, new_bytes, new_tid, png, post

GET = "com.atproto.sync.getBlob"
THING = "com.example.thing"

KINDS = {
    "JPEG": (b"\xff\xd8\xff\xe0" + b"0" * 99, "image/jpeg"),
    "PNG": (png(), "image/png"),
    "animated PNG": (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"0" * 17 + b"\0\0\0\x08acTL" + b"0" * 12 + b"\0" * 4 + b"IDAT",
        "image/apng",
    ),
    "a PNG that breaks off": (b"\x89PNG\r\n\x1a\n\0\0\0\0IHDR" + b"0" * 50, "application/octet-stream"),
    "GIF": (b"GIF89a" + b"0" * 50, "image/gif"),
    "WebP": (b"RIFF\0\0\0\0WEBPVP8 " + b"0" * 50, "image/webp"),
    "AVIF": (b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf" + b"0" * 50, "image/avif"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"0" * 50, "image/heic"),
    "BMP": (b"BM" + b"0" * 99, "image/bmp"),
    "icon": (b"\0\0\1\0" + b"0" * 99, "image/x-icon"),
    "MP4": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"0" * 50, "video/mp4"),
    "ISO": (b"\0\0\0\x18ftypisom\0\0\0\0mp42isom" + b"0" * 50, "video/mp4"),
    "MPEG-DASH": (b"\0\0\0\x18ftypdash\0\0\0\0mp42isom" + b"0" * 50, "video/mp4"),
    "Apple video": (b"\0\0\0\x18ftypM4V \0\0\0\0mp42isom" + b"0" * 50, "video/x-m4v"),
    "Apple audio": (b"\0\0\0\x18ftypM4A \0\0\0\0mp42isom" + b"0" * 50, "audio/x-m4a"),
    "QuickTime": (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + b"0" * 50, "video/quicktime"),
    "3GP": (b"\0\0\0\x18ftyp3gp4\0\0\0\0mp42isom" + b"0" * 50, "video/3gpp"),
    "WebM": (
        b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + b"0" * 99,
        "video/webm",
    ),
    "captions": (b"WEBVTT\n\n00:00.000 --> 00:01.000\nhi\n", "text/vtt"),
    "captions with a mark": (b"\xef\xbb\xbfWEBVTT\n\n00:00.000 --> 00:01.000\nhi\n", "text/vtt"),
    "PDF": (b"%PDF-1.4" + b"0" * 99, "application/pdf"),
    "XML": (b'<?xml version="1.0"?><a/>', "application/xml"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "application/octet-stream"),
    "HTML": (b"<html></html>", "application/octet-stream"),
    "text": (b"hello", "application/octet-stream"),
    "nothing": (b"", "application/octet-stream"),
}


@pytest.mark.parametrize(("data", "mime"), KINDS.values(), ids=KINDS)
def test_types(alice: Writer, data: bytes, mime: str) -> None:
    """The server reads a blob's type from its bytes, and its CID is computable before the upload."""
    expected = {"$type": "blob", "ref": {"$link": cid_for_blob(data)}, "mimeType": mime, "size": len(data)}
    assert alice.upload(data).body == {"blob": expected}


@pytest.mark.parametrize(
    ("announced", "mime"),
    [("text/vtt; charset=utf-8", "text/vtt"), ("IMAGE/PNG", "IMAGE/PNG"), ("application/json", "application/json")],
)
def test_announced_types(alice: Writer, announced: str, mime: str) -> None:
    """Bytes that tell nothing have the type that was announced."""
    assert alice.upload(new_bytes(), announced).body["blob"]["mimeType"] == mime


def test_no_type(alice: Writer) -> None:
    """A type must be announced."""
    answer = alice.server.ask("com.atproto.repo.uploadBlob", b"x", jwt=alice.jwt)
    assert answer.error == (400, "InvalidRequest", "Request encoding (Content-Type) required but not provided")


def test_limit(alice: Writer) -> None:
    """A blob may be as large as the server says, and no larger."""
    assert alice.upload(b"a" * 5_242_880).status == 200
    assert alice.upload(b"a" * 5_242_881).error == (413, "PayloadTooLarge", "request entity too large")


def test_large_but_too_large_for_a_post(alice: Writer) -> None:
    """An image's size is checked when a record refers to it, not before."""
    blob = alice.upload(b"\xff\xd8\xff\xe0" + b"0" * 2_000_000).body["blob"]
    expected = "blob too big (maximum 2000000, got 2000004) at $.record.embed.images[0].image"
    message = f"Invalid app.bsky.feed.post record: {expected}"
    assert alice.create(post(embed=images(blob))).error == (400, "InvalidRequest", message)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"mimeType": "image/jpeg"},
            "InvalidMimeType",
            "Mimetype does not match stored blob. Expected: image/png, Got: image/jpeg",
        ),
        ({"size": 1}, "InvalidSize", "Size does not match stored blob. Expected: {size}, Got: 1"),
    ],
)
def test_mismatch(alice: Writer, changed: dict[str, Any], error: str, message: str) -> None:
    """A record describes a blob as the server described it."""
    blob = alice.upload(png()).body["blob"]
    answer = alice.create(post(embed=images({**blob, **changed})))
    assert answer.error == (400, error, f"Referenced {message.format(**blob)}")


def test_mismatch_later(alice: Writer) -> None:
    """Once a record holds a blob, another may describe it otherwise."""
    blob = alice.upload(png()).body["blob"]
    alice.create(post(embed=images(blob)))
    assert alice.create(post(embed=images({**blob, "mimeType": "image/jpeg"}))).status == 200


def test_missing(alice: Writer) -> None:
    """A record refers to blobs that were uploaded."""
    blob = {"$type": "blob", "ref": {"$link": NOWHERE_BLOB}, "mimeType": "image/png", "size": 3}
    expected = (400, "BlobNotFound", f"Could not find blob: {NOWHERE_BLOB}")
    assert alice.create(post(embed=images(blob))).error == expected
    assert alice.create({"deep": [{"in": blob}]}, THING).error == expected


def test_blob_of_another_account(alice: Writer, newcomer: Writer) -> None:
    """An account refers to its own blobs only."""
    blob = newcomer.upload(png()).body["blob"]
    assert alice.create(post(embed=images(blob))).error[1] == "BlobNotFound"


def test_twice(alice: Writer) -> None:
    """The same bytes again are the same blob; what was announced first stays."""
    data = new_bytes()
    first = alice.upload(data, "text/plain").body["blob"]
    second = alice.upload(data, "text/html").body["blob"]
    assert second == {**first, "mimeType": "text/html"}
    assert alice.create({"file": second}, THING).error[1] == "InvalidMimeType"
    assert alice.create({"file": first}, THING).status == 200


def test_download(alice: Writer) -> None:
    """A blob can be read once a record holds it, until no record does."""
    data, rkey = new_bytes(), new_tid()
    blob = alice.upload(data, "text/plain").body["blob"]
    params = {"did": alice.did, "cid": blob["ref"]["$link"]}
    missing = (400, "InvalidRequest", "Blob not found")
    assert alice.server.ask(GET, params=params).error == missing
    alice.create({"file": blob}, THING, rkey=rkey)
    answer = alice.server.ask(GET, params=params)
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    alice.delete(rkey, THING)
    assert alice.create({"file": blob}, THING).error[1] == "BlobNotFound"


def test_download_nothing(alice: Writer) -> None:
    """A blob that is not there is not found, nor is one of nobody."""
    params = {"did": alice.did, "cid": NOWHERE_BLOB}
    assert alice.get(GET, **params).error == (400, "InvalidRequest", "Blob not found")
    answer = alice.get(GET, **{**params, "did": NOBODY})
    assert answer.error == (400, "RepoNotFound", f"Could not find repo for DID: {NOBODY}")


def test_kept_while_one_record_holds_it(alice: Writer) -> None:
    """A blob stays while one of two records holds it."""
    keys = [new_tid(), new_tid()]
    blob = alice.upload(new_bytes(), "text/plain").body["blob"]
    for rkey in keys:
        alice.create({"file": blob}, THING, rkey=rkey)
    alice.delete(keys[0], THING)
    assert alice.get(GET, did=alice.did, cid=blob["ref"]["$link"]).status == 200
    alice.put(keys[1], {"file": None}, THING)
    assert alice.create({"file": blob}, THING).error[1] == "BlobNotFound"
