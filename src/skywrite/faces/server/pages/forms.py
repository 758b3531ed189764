"""What forms hold. Forms with files, as a browser without a script sends them, are
bounded in size and time, and no text is lost.

What does not live here: what becomes of them (`compose`); forms without files (`frame.form_route`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import NamedTuple

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from skywrite.core.digits import row_number
from skywrite.core.errors import BadRequest, InputError
from skywrite.faces.server.json_bodies import check_texts
from skywrite.faces.server.limits import read_pieces
from skywrite.faces.server.problems import BodyTooLarge

# Whoever sent a damaged form is told so; its reader would tell the log, in a form of its own.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


class Fields(dict[str, str]):
    """The fields of a form. One that is missing is an error of who sent it."""

    def __missing__(self, name: str) -> str:
        raise InputError(f"The form has no field {name!r}.", hint="Reload the page, and try again.")


def shown_version(text: str) -> int:
    """The version of a post that a form shows. Raises InputError."""
    version = row_number(text)
    if version is None:
        raise InputError("The form's version is not a number.", hint="Reload the page, and try again.")
    return version


class Sent(NamedTuple):
    """A form. Where it was too large, there are only the fields before what was too large."""

    fields: Fields
    files: list[UploadFile]
    too_large: BodyTooLarge | None = None

    async def close(self) -> None:
        """Delete what was kept of the files."""
        for file in self.files:
            await file.close()


async def read_form(request: Request, max_bytes: int, *, max_files: int, max_fields: int) -> Sent:
    """The form in a body. Raises BadRequest, RequestTimeout."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadRequest("This is not a form with files.", code="body.malformed")
    parser = MultiPartParser(request.headers, _pieces(request, max_bytes), max_files=max_files, max_fields=max_fields)
    too_large = None
    try:
        await parser.parse()
    except MultiPartException as error:
        raise BadRequest(f"The form cannot be read: {error.message}", code="body.malformed") from None
    except BodyTooLarge:
        too_large = BodyTooLarge(
            f"The files are larger than {max_bytes // 1_000_000} MB together, and were not kept.",
            hint="Choose smaller ones. The text is still here.",
        )
    fields = Fields({name: value for name, value in parser.items if isinstance(value, str)})
    check_texts(fields.values())
    files = [value for _, value in parser.items if isinstance(value, UploadFile)]
    return Sent(fields, [] if too_large else files, too_large)


async def _pieces(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body. Where it is too large, the same again is read and dropped before BodyTooLarge is raised: a browser that
    is still sending reads no response."""
    size = 0
    async for piece in read_pieces(request, 2 * max_bytes, by_length=False):
        if size < max_bytes:
            yield piece[: max_bytes - size]
        size += len(piece)
    if size > max_bytes:
        raise BodyTooLarge("The form is too large.")
