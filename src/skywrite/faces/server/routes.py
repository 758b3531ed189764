"""The HTTP API: a route for each operation of the table.

What lives here: reading a request into an operation's input, and writing its result. What does not: what is allowed and
done (`app.operations`), its documentation (`openapi`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from skywrite.app.operations import Access, Operation
from skywrite.app.operations.once import answer_once, takes_key
from skywrite.app.shapes.jsonable import jsonable
from skywrite.core.digits import row_number
from skywrite.core.errors import BadRequest, InputError
from skywrite.faces.server.auth import Caller, caller_of
from skywrite.faces.server.hints import for_http
from skywrite.faces.server.json_bodies import check_values, read_object
from skywrite.faces.server.limits import in_turn
from skywrite.faces.server.problems import WrongMediaType
from skywrite.faces.server.services import services_of
from skywrite.queue.model import ChangedMeanwhile

PREFIX = "/api/v1"
NO_BODY = ("GET", "DELETE")

# The body, the status, and the headers that belong to it.
_Answer = tuple[str, int, dict[str, str]]


def api_routes(operations: Iterable[Operation]) -> list[Route]:
    """The routes of all operations."""
    return [Route(PREFIX + operation.path, endpoint(operation), methods=[operation.method]) for operation in operations]


def endpoint(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The handler of one operation."""

    async def handle(request: Request) -> Response:
        caller = await caller_of(request)
        headers = rate_limited(request, caller)
        caller.access.require(operation.scope)
        who, lanes = caller.access.share, services_of(request).lanes
        async with in_turn(request, lanes.bodies, who):
            operation_input = read_input(operation, request, await read_json(operation, request, who))
            body, status, more = await lanes.of(operation.network).run(
                who, _answered, operation, request, caller.access, operation_input
            )
        return Response(body, status, headers | more, "application/json")

    handle.__name__ = operation.name.replace(".", "_")
    return handle


def _answered(operation: Operation, request: Request, access: Access, operation_input: Any) -> _Answer:
    """The answer to a request; to a repeated one with a key, what the first one was answered."""
    key, is_new = _own_key(request), False

    def answer(result: Any) -> Sequence[Any]:
        nonlocal is_new
        is_new = operation.created and getattr(result, "created", True)
        return msgspec.json.encode(jsonable(result, for_http)).decode(), _result_headers(operation, request, result)

    if key is None or not takes_key(operation):
        body, headers = answer(operation.run(access, operation_input))
    else:
        body, headers = answer_once(access, operation, operation_input, key, answer)
    return body, 201 if is_new else 200, headers


def rate_limited(request: Request, caller: Caller) -> dict[str, str]:
    """The RateLimit headers of a caller with a key. Raises TooManyRequests."""
    if caller.key is None:
        return {}
    return services_of(request).requests.check(caller.access.share, "requests")


async def read_json(operation: Operation, request: Request, who: str) -> dict[str, Any]:
    """The fields in the body. Raises BadRequest, InputError, WrongMediaType, BodyTooLarge."""
    if operation.method in NO_BODY:
        return {}
    body = await read_object(request, who)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise WrongMediaType(f"A body of the type {kind or 'none'!r} is not supported.", hint="Send application/json.")
    return body


def read_input(operation: Operation, request: Request, body: Mapping[str, Any]) -> Any:
    """The input of an operation, from the path, the query and the body. Raises InputError."""
    in_path = operation.path_fields()
    for name in in_path:
        if name in body:
            raise InputError(f"The field {name!r} belongs in the address, not in the body.", code="body.invalid")
    query = _query(request)
    if query and operation.method not in NO_BODY:
        raise InputError(
            f"The field {next(iter(query))!r} belongs in the body, not in the address.", code="body.invalid"
        )
    texts = {**query, **{name: request.path_params[name] for name in in_path}}
    values = {**body, **_read_texts(operation, texts), **_headers(operation, request, body)}
    try:
        return msgspec.convert(values, operation.input)
    except msgspec.ValidationError as error:
        raise invalid(error) from None


def invalid(error: msgspec.ValidationError, hint: str = "See /api/openapi.json") -> InputError:
    """The error for an invalid input, with the name of the field."""
    return InputError(f"{str(error).replace('Object contains', 'There is an')}.", code="body.invalid", hint=hint)


def _read_texts(operation: Operation, texts: Mapping[str, str]) -> dict[str, Any]:
    """Convert fields that came as text to their types in the input."""
    types = _types_of(operation)
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in types:
            raise InputError(
                f"There is no field {name!r} here.",
                code="body.invalid",
                hint=f"The fields are: {', '.join(types) or 'none'}.",
            )
        try:
            values[name] = msgspec.convert(text, types[name], strict=False)
        except msgspec.ValidationError as error:
            raise InputError(f"{name}: {error}.", code="body.invalid") from None
    check_values(values)
    return values


@cache
def _types_of(operation: Operation) -> dict[str, Any]:
    """The types of its input's fields, by the names that requests give them. Finding them takes a millisecond."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(operation.input)}


def _query(request: Request) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if not value:
            # A form with empty fields sends `?state=&from=`.
            continue
        if name in query and name != "state":
            raise BadRequest(f"The field {name[:80]!r} is given twice.", code="request.malformed", hint="Send it once.")
        # Several states may also be given as repeated fields.
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def _headers(operation: Operation, request: Request, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in headers: `Idempotency-Key` is the key of a post or repost, `If-Match` the version of a post."""
    fields, values = operation.input.__struct_fields__, dict[str, Any]()
    if "version" in body:
        raise InputError("The version of a post belongs in the header If-Match.", code="body.invalid")
    key = _own_key(request)
    if key is not None and "key" in fields:
        values["key"] = key
        if body.get("key", values["key"]) != values["key"]:
            raise InputError(
                "The header Idempotency-Key and the field key differ.", code="body.invalid", hint="Give one of them."
            )
    # A weak tag never matches here (RFC 9110, section 13.1.1), so it is refused like an invalid one.
    match = request.headers.get("if-match", "*").strip().strip('"')
    if match != "*" and "version" in fields:
        version = row_number(match)
        if version is None:
            raise ChangedMeanwhile(
                "The header If-Match is not the version of a post.",
                code="post.version_wrong",
                hint="Send the ETag of the post.",
            )
        values["version"] = version
    return values


def _own_key(request: Request) -> str | None:
    header = request.headers.get("idempotency-key")
    return header[1:-1] if header and len(header) > 1 and header[0] == header[-1] == '"' else header


def _result_headers(operation: Operation, request: Request, result: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    if (version := getattr(result, "version", None)) is not None and "id" in result.__struct_fields__:
        headers["etag"] = f'"{version}"'
    cursor = getattr(result, "next_cursor", None)
    if cursor is not None:
        query = {**_query(request), "cursor": cursor}
        headers["link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    if operation.created and (number := getattr(result, "id", None)) is not None:
        # Pins are added at /reposts/pin, and are found among the reposts.
        headers["location"] = f"{PREFIX}/{operation.path.split('/')[1]}/{number}"
    return headers
