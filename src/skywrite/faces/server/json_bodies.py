"""JSON from outside: what is read, and what is refused before anything looks at it.

What does not live here: which fields a request has (`routes`, `passkeys`, `agents`), and how much is read (`limits`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

from starlette.requests import Request

from skywrite.core.errors import BadRequest, InputError
from skywrite.faces.server.lanes import Lane
from skywrite.faces.server.limits import JSON_BYTES_MAX, SMALL_BYTES, read_body

DEPTH_MAX = 32
# The library for MCP reads a body again, and not aside: 330,000 empty lists would hold all requests for seconds.
VALUES_MAX = 50_000
# Reading more than a small one takes so long that other requests would notice: that is done aside, one at a time.
_LARGE = Lane("bodies", threads=1, each=1)

_Read = TypeVar("_Read")


async def read_object(request: Request, who: str, max_bytes: int = JSON_BYTES_MAX) -> dict[str, Any]:
    """The fields of a body, none if it is empty. `who` sent it.

    Raises BadRequest, InputError, BodyTooLarge, RequestTimeout, Overloaded.
    """
    body = await read_body(request, max_bytes)
    return await read_in_turn(who, parse_object, body) if body else {}


async def read_in_turn(who: str, read: Callable[[bytes], _Read], body: bytes) -> _Read:
    """What a body says. Of the large ones of one caller, the next is read when others had their turn."""
    return read(body) if len(body) <= SMALL_BYTES else await _LARGE.run(who, read, body)


def parse_object(body: bytes) -> dict[str, Any]:
    """The fields of a JSON object. Raises BadRequest, InputError."""
    value = parse(body)
    if not isinstance(value, dict):
        raise InputError("The body must be a JSON object.", code="body.invalid")
    return value


def parse(body: bytes) -> Any:
    """A JSON value in UTF-8 that means the same to every reader. Raises BadRequest, InputError."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BadRequest(f"The body is not JSON in UTF-8: {error}.", code="body.malformed") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.", code="body.malformed") from None
    check_values(value)
    return value


def check_values(value: Any) -> None:
    """Refuse what no request needs: deep nesting, very many values, and characters that databases do not accept."""
    level, count = [value], 0
    for _ in range(DEPTH_MAX + 1):
        count += len(level)
        if count > VALUES_MAX:
            raise BadRequest(
                f"The body holds more than {VALUES_MAX} values.", code="body.malformed", hint="Send less at a time."
            )
        level = [item for outer in level for item in _inner(outer)]
        if not level:
            return
    raise BadRequest("The body is nested too deeply.", code="body.malformed")


def _inner(value: Any) -> Iterable[Any]:
    """The values in a value, whose own text is checked."""
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        check_texts(value)
        return value.values()
    elif isinstance(value, list):
        return value
    return ()


def check_texts(values: Iterable[str]) -> None:
    """The same for the fields of a form."""
    for value in values:
        _check_text(value)


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        return
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadRequest("A text contains half a character, which UTF-8 does not have.", code="body.malformed")
    if "\x00" in text:
        raise InputError("A text contains a character that cannot be stored.", code="body.invalid")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two equal names they take, so there must be one."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise BadRequest(f"The field {name[:80]!r} is given twice.", code="body.malformed", hint="Send it once.")
        fields[name] = value
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise BadRequest(f"{name} is not JSON.", code="body.malformed")
