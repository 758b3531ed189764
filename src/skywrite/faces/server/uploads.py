"""Uploads: images in one request, videos in pieces that may be resumed.

What lives here: receiving bytes into a temporary file, with limits, and the tus protocol 1.0 (core, creation,
termination). What does not: processing the bytes (`app.operations.media`).

Resuming follows tus rather than Content-Range: there are clients for browsers, phones and Python, and it defines what
happens if a piece arrives twice. A piece is appended at its offset, or refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from skywrite.app.operations.media import clean_name, keep_upload
from skywrite.app.shapes.jsonable import jsonable
from skywrite.core.digits import row_number
from skywrite.core.errors import BadRequest, Conflict
from skywrite.core.files import make_private_folder
from skywrite.faces.server.auth import Caller, caller_of
from skywrite.faces.server.hints import for_http
from skywrite.faces.server.limits import in_turn, read_pieces
from skywrite.faces.server.problems import BodyTooLarge, HttpProblem, TooManyRequests, WrongMediaType, with_headers
from skywrite.faces.server.routes import rate_limited
from skywrite.faces.server.services import services_of
from skywrite.queue.api_keys import new_secret

UPLOAD_BYTES_MAX = 300_000_000
OPEN_UPLOADS_MAX = 500
OPEN_UPLOADS_EACH = 20
UPLOAD_SECONDS_MAX = 86_400
TUS = {"tus-resumable": "1.0.0"}
TUS_OFFER = {
    **TUS,
    "tus-version": "1.0.0",
    "tus-extension": "creation,termination",
    "tus-max-size": str(UPLOAD_BYTES_MAX),
}
PATCH_TYPE = "application/offset+octet-stream"
_ID_CHARACTERS = 32


class UploadGone(HttpProblem):
    """There is no such upload, or it is finished."""

    code = "upload.gone"

    http_status = 410


def _gone() -> UploadGone:
    return UploadGone("There is no such upload, or it is finished.", hint="Begin again.")


class Upload(NamedTuple):
    """An upload that is not complete."""

    id: str
    path: Path
    size: int
    name: str
    by: str

    @property
    def offset(self) -> int:
        """How many bytes are here. Raises UploadGone."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            raise _gone() from None


class Uploads:
    """Unfinished uploads, in a folder of private files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, size: int, name: str, by: str, share: str) -> Upload:
        """A new upload of so many bytes, which counts for `share`."""
        make_private_folder(self._folder)
        self._forget_old()
        owners = self._owners()
        if owners.count(share) >= OPEN_UPLOADS_EACH:
            raise TooManyRequests("Too many of your uploads are unfinished.", hint="Finish or delete some of them.")
        if len(owners) >= OPEN_UPLOADS_MAX:
            raise TooManyRequests("Too many uploads are unfinished.", hint="Try again when others are finished.")
        upload = Upload(new_secret(_ID_CHARACTERS), Path(), size, clean_name(name), by)
        upload = upload._replace(path=self._new_file(upload.id))
        about = {"size": size, "name": upload.name, "by": by, "share": share}
        self._about(upload.id).write_text(json.dumps(about), "utf-8")
        return upload

    @contextmanager
    def whole(self) -> Iterator[Path]:
        """A file for what comes in one request, which goes with it; what a killed server left goes after a day."""
        make_private_folder(self._folder)
        self._forget_old()
        path = self._new_file(new_secret(_ID_CHARACTERS))
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def get(self, upload_id: str, by: str) -> Upload:
        """An unfinished upload of this caller. Raises UploadGone."""
        if len(upload_id) != _ID_CHARACTERS or not upload_id.isalnum() or not upload_id.isascii():
            raise _gone()
        try:
            about = json.loads(self._about(upload_id).read_text("utf-8"))
        except OSError:
            raise _gone() from None
        if about["by"] != by:
            raise _gone()
        return Upload(upload_id, self._folder / f"{upload_id}.part", about["size"], about["name"], by)

    def end(self, upload: Upload) -> None:
        """Remove an upload and its bytes."""
        self._about(upload.id).unlink(missing_ok=True)
        upload.path.unlink(missing_ok=True)

    @contextmanager
    def hold(self, upload: Upload) -> Iterator[None]:
        """Allow only one piece at a time: two that arrive together cannot both be right."""
        with self._lock:
            if upload.id in self._busy:
                raise Conflict(
                    "Another piece of this upload is arriving.",
                    code="upload.busy",
                    hint="Ask for the offset, and continue.",
                )
            self._busy.add(upload.id)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(upload.id)

    def _owners(self) -> list[str]:
        """For whom each of the unfinished uploads counts."""
        owners = []
        for path in self._folder.glob("*.json"):
            # It may be finished just now.
            with suppress(OSError, ValueError):
                owners.append(str(json.loads(path.read_text("utf-8")).get("share")))
        return owners

    def _new_file(self, upload_id: str) -> Path:
        path = self._folder / f"{upload_id}.part"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return path

    def _about(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.json"

    def _forget_old(self) -> None:
        oldest = time.time() - UPLOAD_SECONDS_MAX
        for path in [*self._folder.glob("*.json"), *self._folder.glob("*.part")]:
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


async def upload_media(request: Request) -> Response:
    """POST /api/v1/media: the bytes of one image or video are the body."""
    caller = await _uploader(request)
    headers = rate_limited(request, caller)
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise WrongMediaType("The bytes of the file are the body itself, not a form.", hint="Send the file as it is.")
    async with in_turn(request, services_of(request).lanes.files, caller.access.share):
        with uploads_of(request).whole() as path:
            if await _receive(request, caller, UPLOAD_BYTES_MAX, path) == 0:
                raise BadRequest("The body is empty.", code="body.malformed", hint="Send the file as it is.")
            return await _kept(request, caller, path, request.query_params.get("name", "upload"), headers)


async def offer(request: Request) -> Response:
    """OPTIONS /api/v1/media/uploads: which parts of tus are supported here."""
    return Response(status_code=204, headers=TUS_OFFER)


async def begin_upload(request: Request) -> Response:
    """POST /api/v1/media/uploads: begin an upload that may be resumed."""
    caller = await _uploader(request)
    headers = rate_limited(request, caller)
    size = _number(request, "upload-length")
    if size > UPLOAD_BYTES_MAX or size == 0:
        raise BodyTooLarge(f"An upload has 1 to {UPLOAD_BYTES_MAX} bytes, not {size}.", headers=TUS)
    name = _metadata(request.headers.get("upload-metadata", "")).get("filename", "upload")
    work, access = services_of(request).lanes.work, caller.access
    upload = await work.run(access.share, uploads_of(request).begin, size, name, access.who, access.share)
    return Response(status_code=201, headers={**TUS, **headers, "location": f"{request.url.path}/{upload.id}"})


async def upload_offset(request: Request) -> Response:
    """HEAD /api/v1/media/uploads/{id}: how much is here."""
    upload = _upload(request, await _uploader(request))
    return Response(headers={**TUS, "upload-offset": str(upload.offset), "upload-length": str(upload.size)})


async def append_upload(request: Request) -> Response:
    """PATCH /api/v1/media/uploads/{id}: one more piece; after the last one the response describes the upload."""
    caller = await _uploader(request)
    upload = _upload(request, caller)
    if request.headers.get("content-type", "") != PATCH_TYPE:
        raise WrongMediaType(f"A piece has the type {PATCH_TYPE}.", headers=TUS)
    offset = _number(request, "upload-offset")
    async with in_turn(request, services_of(request).lanes.files, caller.access.share):
        return await _append(request, caller, upload, offset)


async def _append(request: Request, caller: Caller, upload: Upload, offset: int) -> Response:
    with uploads_of(request).hold(upload):
        if offset != upload.offset:
            error = Conflict(f"The upload continues at {upload.offset}, not at {offset}.", code="upload.wrong_offset")
            raise with_headers(error, {**TUS, "upload-offset": str(upload.offset)})
        await _receive(request, caller, upload.size - offset, upload.path)
        reached = upload.offset
        headers = {**TUS, "upload-offset": str(reached)}
        if reached < upload.size:
            return Response(status_code=204, headers=headers)
        try:
            return await _kept(request, await _uploader(request), upload.path, upload.name, headers)
        except FileNotFoundError:
            raise _gone() from None
        finally:
            uploads_of(request).end(upload)


async def drop_upload(request: Request) -> Response:
    """DELETE /api/v1/media/uploads/{id}: abort an upload."""
    uploads_of(request).end(_upload(request, await _uploader(request)))
    return Response(status_code=204, headers=TUS)


def uploads_of(request: Request) -> Uploads:
    """The unfinished uploads of the server that got a request."""
    uploads = request.app.state.uploads
    assert isinstance(uploads, Uploads)
    return uploads


async def _uploader(request: Request) -> Caller:
    caller = await caller_of(request)
    caller.access.require("draft")
    return caller


def _upload(request: Request, caller: Caller) -> Upload:
    return uploads_of(request).get(request.path_params["id"], caller.access.who)


async def _receive(request: Request, caller: Caller, max_bytes: int, path: Path) -> int:
    """Append what arrives. Returns the number of bytes."""
    size, work = 0, services_of(request).lanes.work
    with _to_append(path) as file:
        async for piece in read_pieces(request, max_bytes):
            await work.run(caller.access.share, file.write, piece)
            size += len(piece)
    return size


def _to_append(path: Path) -> BinaryIO:
    """A file that is there. Raises UploadGone where somebody aborted the upload."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)), "ab")
    except FileNotFoundError:
        raise _gone() from None


async def _kept(request: Request, caller: Caller, path: Path, name: str, headers: dict[str, str]) -> Response:
    media = services_of(request).lanes.media
    shape = await media.run(caller.access.share, keep_upload, caller.access, path, name)
    return Response(msgspec.json.encode(jsonable(shape, for_http)), 201, headers, "application/json")


def _number(request: Request, header: str) -> int:
    number = row_number(request.headers.get(header, ""))
    if number is None:
        raise with_headers(BadRequest(f"The header {header} is missing or not a number.", code="body.malformed"), TUS)
    return number


def _metadata(text: str) -> dict[str, str]:
    """tus: pairs of a key and a value in base64, separated by commas."""
    metadata: dict[str, Any] = {}
    for pair in text.split(","):
        key, _, value = pair.strip().partition(" ")
        with suppress(binascii.Error, UnicodeDecodeError):
            metadata[key] = base64.b64decode(value, validate=True).decode()
    return metadata
