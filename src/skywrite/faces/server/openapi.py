"""The OpenAPI 3.1 document of the HTTP API, made from the table of operations, and a page of it for people.

What lives here: the document and the page. `docs/openapi.json` is this document, committed; a test compares them. What
does not: the routes (`routes`). The operations with bytes instead of JSON (`uploads`, `events`) are written out here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from skywrite.app.operations import OPERATIONS, Operation
from skywrite.app.operations.media import MediaShape
from skywrite.app.operations.once import KEY_MAX, takes_key
from skywrite.faces.server.routes import NO_BODY, PREFIX

REFERENCE = "#/components/schemas/{name}"
ABOUT = (
    "Posts for Bluesky: now, at a time, again and again. Send an API key with each request: "
    "`Authorization: Bearer KEY`. Errors are problem details (RFC 9457); `error` is a stable "
    "name. A key of your own (the header Idempotency-Key, for a post also `key`) makes repeating safe: the same "
    "request again does nothing, and is answered with 200 and the same id."
)
PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong, and what to do (RFC 9457).",
    "required": ["type", "title", "status", "detail", "error", "code", "message", "hint"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "error": {"type": "string"},
        "code": {"type": "string"},
        "message": {"type": "string", "description": "The same as `detail`, under the name that it has elsewhere."},
        "hint": {"type": "string"},
    },
}
_PROBLEMS = {"content": {"application/problem+json": {"schema": {"$ref": REFERENCE.format(name="Problem")}}}}
_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h2{margin-top:2.5rem}code{font:0.9em ui-monospace,monospace}section{border-top:1px solid #8886;padding:.5rem 0}"
    "table{border-collapse:collapse}td{padding:.1rem 1rem .1rem 0;vertical-align:top}.scope{opacity:.75}"
)


@cache
def document() -> dict[str, Any]:
    """The document."""
    operations = list(OPERATIONS.values())
    types = [kind for operation in operations for kind in (operation.input, operation.output)]
    _, components = msgspec.json.schema_components([*types, MediaShape], ref_template=REFERENCE)
    schemas = {name: dict(schema) for name, schema in components.items()}
    schemas["Problem"] = PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _described(operation, schemas)
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = described
    for path, methods in _other_paths().items():
        paths.setdefault(path, {}).update(methods)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Skywrite",
            "version": "1",
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(operation) for operation in operations)],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key: skw_..."}},
            "schemas": {name: schemas[name] for name in sorted(_named_in(paths, schemas))},
        },
    }


def _named_in(part: Any, schemas: Mapping[str, Any]) -> set[str]:
    """The schemas that a part of the document refers to, and those that these refer to."""
    names: set[str] = set()
    left = [part]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            name = str(value.get("$ref", "")).removeprefix(REFERENCE.format(name=""))
            if name in schemas and name not in names:
                names.add(name)
                left.append(schemas[name])
            left += value.values()
        elif isinstance(value, list):
            left += value
    return names


@cache
def document_text() -> str:
    """The document as text, as it is committed. Strangers ask for it, too, so it is made once."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


async def openapi(request: Request) -> Response:
    """GET /api/openapi.json."""
    return Response(
        await run_in_threadpool(document_text),
        media_type="application/json",
        headers={"cache-control": "public, max-age=300"},
    )


async def reference(request: Request) -> Response:
    """GET /api: the document for people."""
    style = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return HTMLResponse(
        await run_in_threadpool(_page),
        headers={"content-security-policy": policy, "cache-control": "public, max-age=300"},
    )


def _described(operation: Operation, schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [_tag(operation)],
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope}`{', and a person: no key does it' * operation.by_person}.",
        "x-scope": operation.scope,
    }
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.method not in NO_BODY and (body := _body(operation, schemas)):
        described["requestBody"] = body
    described["responses"] = _responses(operation)
    return described


def _description(schema: Mapping[str, Any]) -> str:
    """What a schema says of itself, or what one of its kinds does: of a value that may be null, the kind says it."""
    kinds = [schema, *schema.get("anyOf", ())]
    return next((kind["description"] for kind in kinds if "description" in kind), "")


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path = operation.path_fields()
    parameters = []
    for field in msgspec.structs.fields(operation.input):
        place = "path" if field.encode_name in in_path else "query" if operation.method in NO_BODY else None
        if place is None or field.name == "version":
            continue
        schema = msgspec.json.schema(field.type)
        described = {"name": field.encode_name, "in": place, "required": field.required or place == "path"}
        text = _description(schema)
        parameters.append({**described, "schema": schema, **({"description": text} if text else {})})
    names = operation.input.__struct_fields__
    key = {"type": "string", "minLength": 1, "maxLength": KEY_MAX}
    if "key" in names:
        parameters.append(_header("Idempotency-Key", "The same as the field key.", key))
    elif takes_key(operation):
        parameters.append(
            _header("Idempotency-Key", "A repeated request with it gets the first answer, for a day.", key)
        )
    if "version" in names:
        parameters.append(_header("If-Match", "The ETag that the change was made from.", {"type": "string"}))
    return parameters


def _body(operation: Operation, schemas: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The body, whose fields are those of the input that are neither in the path nor in a header."""
    outside = {*operation.path_fields(), "version"}
    name = operation.input.__name__
    schema = schemas[name]
    properties = {key: value for key, value in schema.get("properties", {}).items() if key not in outside}
    if not properties:
        schemas[name] = {**schema, "properties": {}, "required": []}
        return None
    required = [key for key in schema.get("required", ()) if key not in outside]
    schemas[name] = {**schema, "properties": properties, "required": required}
    reference = {"$ref": REFERENCE.format(name=name)}
    return {"required": bool(required), "content": {"application/json": {"schema": reference}}}


def _responses(operation: Operation) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": REFERENCE.format(name=operation.output.__name__)}}}
    done = {"description": operation.output.__doc__ or "Done.", "content": content}
    if operation.created:
        again = {**done, "description": "It was there already."}
        statuses = {"201": done, "200": again}
    else:
        statuses = {"200": done}
    return {**statuses, **_problems()}


def _problems() -> dict[str, Any]:
    return {
        "4XX": {"description": "The request was refused; nothing was changed.", **_PROBLEMS},
        "5XX": {"description": "It could not be done now.", **_PROBLEMS},
    }


def _header(name: str, text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": text, "schema": dict(schema)}


def _tag(operation: Operation) -> str:
    return operation.name.partition(".")[0]


def _other_paths() -> dict[str, dict[str, Any]]:
    """Paths with bytes or streams instead of JSON."""
    binary = {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
    kept = {"application/json": {"schema": {"$ref": REFERENCE.format(name="MediaShape")}}}
    number = {"type": "integer", "minimum": 0}
    tus = _header("Tus-Resumable", "1.0.0", {"type": "string"})
    about_id = "From the address that the first request was answered with."
    upload_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": about_id}
    done = {"description": "Done."}
    text = {"type": "string"}
    metadata = _header("Upload-Metadata", "As tus has it: `filename`, in base64.", text)

    def row(name: str, tag: str, summary: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
        about = {"operationId": name, "tags": [tag], "summary": summary}
        return {**about, **more, "responses": {**responses, **_problems()}}

    name_parameter = {
        "name": "name",
        "in": "query",
        "required": False,
        "schema": text,
        "description": "The file's name.",
    }
    uploads = f"{PREFIX}/media/uploads"
    uploaded = {"201": {"description": "Processed and stored.", "content": kept}}
    stream = {"200": {"description": "Server-sent events.", "content": {"text/event-stream": {"schema": text}}}}
    health = {"type": "object", "properties": {"status": text}, "required": ["status"]}
    healthy = {"200": {"description": "It is well.", "content": {"application/json": {"schema": health}}}}
    return {
        f"{PREFIX}/media": {
            "post": row(
                "media.upload", "media", "Upload an image or a short video: the body is the file.", uploaded,
                parameters=[name_parameter], requestBody=binary,
            )
        },
        uploads: {
            "post": row(
                "uploads.begin", "media", "Begin an upload that may be resumed (tus 1.0).", {"201": done},
                parameters=[tus, _header("Upload-Length", "Bytes.", number), metadata],
            )
        },
        f"{uploads}/{{id}}": {
            "head": row("uploads.offset", "media", "Ask how much is here.", {"200": done}, parameters=[upload_id, tus]),
            "patch": row(
                "uploads.append", "media", "Send the next piece.", {"204": done, **uploaded},
                parameters=[upload_id, tus, _header("Upload-Offset", "Where it begins.", number)],
                requestBody={"required": True, "content": {"application/offset+octet-stream": {"schema": text}}},
            ),
            "delete": row("uploads.drop", "media", "Give an upload up.", {"204": done}, parameters=[upload_id, tus]),
        },
        f"{PREFIX}/events": {
            "get": row(
                "events.stream", "events", "Follow what happens.", stream,
                parameters=[_header("Last-Event-ID", "Go on after this event.", text)],
            )
        },
        "/healthz": {"get": row("health", "server", "Whether the server is well.", healthy, security=[])},
    }  # fmt: skip


@cache
def _page() -> str:
    api = document()
    parts = ["<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"]
    parts.append(f"<title>Skywrite: HTTP API</title><style>{_STYLE}</style><h1>HTTP API</h1><p>{_marked(ABOUT)}</p>")
    parts.append("<p>The same for programs: <a href=/api/openapi.json>openapi.json</a>.</p>")
    by_tag: dict[str, list[str]] = {}
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_section(path, method, operation, api))
    for tag, sections in by_tag.items():
        parts.append(f"<h2 id={escape(tag)}>{escape(tag)}</h2>{''.join(sections)}")
    return "".join(parts)


def _section(path: str, method: str, operation: Mapping[str, Any], api: Mapping[str, Any]) -> str:
    rows = [
        (item["name"], f"{item['in']}. {item.get('description', '')}", item["schema"])
        for item in operation.get("parameters", ())
    ]
    for kind in operation.get("requestBody", {}).get("content", {}).values():
        name = kind["schema"].get("$ref", "").rpartition("/")[2]
        properties: Mapping[str, Any] = api["components"]["schemas"].get(name, {}).get("properties", {})
        rows += [(key, _description(value), value) for key, value in properties.items()]
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(_kind(schema))}<td>{escape(text)}"
        for name, text, schema in rows
    )
    scope = f" <span class=scope>scope {operation['x-scope']}</span>" if "x-scope" in operation else ""
    return (
        f"<section><h3><code>{method.upper()} {escape(path)}</code></h3><p>{escape(operation['summary'])}{scope}</p>"
        f"{'<table>' + cells + '</table>' if cells else ''}</section>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        kinds: Iterable[str] = (_kind(item) for item in schema["anyOf"])
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kind = str(schema.get("type", "any"))
    return f"list of {_kind(schema['items'])}" if kind == "array" and "items" in schema else kind


def _marked(text: str) -> str:
    pieces = escape(text).split("`")
    return "".join(piece if number % 2 == 0 else f"<code>{piece}</code>" for number, piece in enumerate(pieces))
