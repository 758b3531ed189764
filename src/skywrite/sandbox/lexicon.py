"""Lexicons: whether a record, body or query matches its schema.

What lives here: a validator for `lexicons.json` (the published lexicons without their descriptions, made by
`tests/contract/lexicons.mjs`) that stops at the first error and reports it in the reference server's words. What does
not: formats of strings (`formats`), what a server does with the values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from skywrite.sandbox.formats import format_title, has_format
from skywrite.sandbox.lexdata import Link, is_blob, is_integer, preview

Trail: TypeAlias = tuple[str | int, ...]
Schema: TypeAlias = Mapping[str, Any]

_PLAIN_STEP = re.compile(r"[A-Za-z_$][A-Za-z0-9_]*")
_DATA_MODEL = ("null", "boolean", "integer", "string", "cid", "bytes", "array", "object")
_TYPED_OBJECT = 'an object which includes the "$type" property'
_KEY_FORMATS = {"any": "record-key", "tid": "tid", "nsid": "nsid"}


class Invalid(Exception):
    """`reason` is what is wrong; `str()` adds where, as a JSON path."""

    def __init__(self, reason: str, trail: Trail) -> None:
        super().__init__(f"{reason} at ${''.join(_step(part) for part in trail)}")
        self.reason = reason


@cache
def lexicons() -> dict[str, Any]:
    """`records` (key, schema), `defs` (schemas by `$type`) and `methods` (type, params, encoding, input)."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("lexicons.json").read_bytes())
    return loaded


def check_record(record: Mapping[str, Any], rkey: str, trail: Trail) -> bool:
    """Check a record (in the data model) and its key. Returns False if its lexicon is not known here.

    Raises Invalid, whose reason begins with what was checked.
    """
    name = record["$type"]
    known = lexicons()["records"].get(name)
    if known is None:
        return False
    try:
        _check_key(rkey, known["key"])
    except Invalid as problem:
        raise Invalid(f"Invalid record key for {name}: {problem.reason}", ()) from None
    try:
        check(record, known["schema"], trail)
    except Invalid as problem:
        raise RecordInvalid(f"Invalid {name} record: {problem}") from None
    return True


class RecordInvalid(Exception):
    """A record does not match its lexicon. The reason is the whole sentence."""


def check(value: Any, schema: Schema, trail: Trail) -> None:
    """Check a value (in the data model) against a schema. Raises Invalid for the first error."""
    _CHECKS[schema["type"]](value, schema, trail)


def read_params(pairs: Iterable[tuple[str, str]], schema: Schema) -> dict[str, Any]:
    """The parameters of a query: typed, with defaults, without unknown names and empty values."""
    properties: Mapping[str, Schema] = schema["properties"]
    params: dict[str, Any] = {}
    for name, text in pairs:
        if not text or (wanted := properties.get(name)) is None:
            continue
        if wanted["type"] == "array":
            params.setdefault(name, []).append(_scalar(text, wanted["items"]))
        else:
            params[name] = _scalar(text, wanted)
    return with_defaults(params, schema)


def with_defaults(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Check an object against its schema, and fill in defaults."""
    filled = dict(value)
    for name, wanted in schema["properties"].items():
        if name not in filled and "default" in wanted:
            filled[name] = wanted["default"]
    _check_object(filled, schema, ())
    return filled


def _scalar(text: str, schema: Schema) -> Any:
    if schema["type"] == "integer":
        if re.fullmatch(r"-?[0-9]+", text) is None:
            _unexpected(text, ("integer",), ())
        return int(text)
    if schema["type"] == "boolean":
        if text not in ("true", "false"):
            _unexpected(text, ("boolean",), ())
        return text == "true"
    return text


def _check_key(rkey: str, kind: str) -> None:
    if kind.startswith("literal:"):
        if rkey != kind[8:]:
            _wrong_value(rkey, (kind[8:],), ())
    else:
        _check_format(rkey, _KEY_FORMATS[kind], ())


def _check_object(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, dict):
        _unexpected(value, ("object",), trail)
    for name, wanted in schema["properties"].items():
        if name in value:
            check(value[name], wanted, (*trail, name))
        elif name in schema["required"]:
            raise Invalid(f'Missing required key "{name}"', trail)


def _check_ref(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, dict):
        _unexpected(value, ("object",), trail)
    if "$type" in value and value["$type"] != schema["ref"]:
        _wrong_value(value["$type"], (schema["ref"],), (*trail, "$type"))
    check(value, lexicons()["defs"][schema["ref"]], trail)


def _check_union(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, dict) or "$type" not in value:
        _unexpected(value, (_TYPED_OBJECT,), trail)
    name = value["$type"]
    if name in schema["refs"]:
        check(value, lexicons()["defs"][name], trail)
    elif schema["closed"]:
        _wrong_value(name, schema["refs"], (*trail, "$type"))
    elif not isinstance(name, str):
        _unexpected(name, ("string",), (*trail, "$type"))


def _check_array(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, list):
        _unexpected(value, ("array",), trail)
    _check_size(len(value), "array", schema.get("minLength"), schema.get("maxLength"), trail)
    for number, item in enumerate(value):
        check(item, schema["items"], (*trail, number))


def _check_string(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, str):
        _unexpected(value, ("string",), trail)
    if "enum" in schema and value not in schema["enum"]:
        _wrong_value(value, schema["enum"], trail)
    if "minLength" in schema or "maxLength" in schema:
        size = len(value.encode("utf-8", "replace"))
        _check_size(size, "string", schema.get("minLength"), schema.get("maxLength"), trail)
    if "minGraphemes" in schema or "maxGraphemes" in schema:
        from skywrite.protocol.bsky.richtext import grapheme_length

        count = grapheme_length(value)
        _check_size(count, "grapheme", schema.get("minGraphemes"), schema.get("maxGraphemes"), trail)
    if "format" in schema:
        _check_format(value, schema["format"], trail)


def _check_format(value: str, name: str, trail: Trail) -> None:
    if not has_format(value, name):
        raise Invalid(f"Invalid {format_title(name)} (got {preview(value)})", trail)


def _check_integer(value: Any, schema: Schema, trail: Trail) -> None:
    if not is_integer(value):
        _unexpected(value, ("integer",), trail)
    _check_size(value, "integer", schema.get("minimum"), schema.get("maximum"), trail)


def _check_boolean(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, bool):
        _unexpected(value, ("boolean",), trail)


def _check_blob(value: Any, schema: Schema, trail: Trail) -> None:
    if not is_blob(value):
        _unexpected(value, ("blob",), trail)
    accept = schema.get("accept")
    if accept is not None and not any(_accepts(pattern, value["mimeType"]) for pattern in accept):
        _wrong_value(value["mimeType"], accept, (*trail, "mimeType"))
    _check_size(value["size"], "blob", None, schema.get("maxSize"), trail)


def _accepts(pattern: str, mime: str) -> bool:
    return pattern in ("*/*", mime) or (pattern.endswith("/*") and mime.startswith(pattern[:-1]))


def _check_nullable(value: Any, schema: Schema, trail: Trail) -> None:
    if value is not None:
        check(value, schema["of"], trail)


def _check_map(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, dict):
        _unexpected(value, ("object",), trail)
    _check_data(value, schema, trail)


def _check_data(value: Any, schema: Schema, trail: Trail) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _check_data(item, schema, (*trail, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_data(item, schema, (*trail, number))
    elif value is not None and not isinstance(value, bool | int | str | bytes):
        _unexpected(value, _DATA_MODEL, trail)


def _check_link(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, Link):
        _unexpected(value, ("cid",), trail)


def _check_bytes(value: Any, schema: Schema, trail: Trail) -> None:
    if not isinstance(value, bytes):
        _unexpected(value, ("bytes",), trail)
    _check_size(len(value), "bytes", schema.get("minLength"), schema.get("maxLength"), trail)


def _check_literal(value: Any, schema: Schema, trail: Trail) -> None:
    if value != schema["const"]:
        _wrong_value(value, (schema["const"],), trail)


def _check_size(size: int, what: str, least: int | None, most: int | None, trail: Trail) -> None:
    if least is not None and size < least:
        raise Invalid(f"{what} too small (minimum {least}, got {size})", trail)
    if most is not None and size > most:
        raise Invalid(f"{what} too big (maximum {most}, got {size})", trail)


def _unexpected(value: Any, expected: Iterable[str], trail: Trail) -> NoReturn:
    raise Invalid(f"Expected {_one_of(list(expected))} value type (got {preview(value)})", trail)


def _wrong_value(value: Any, allowed: Iterable[Any], trail: Trail) -> NoReturn:
    raise Invalid(f"Expected {_one_of([preview(one) for one in allowed])} (got {preview(value)})", trail)


def _one_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"one of {', '.join(names[:-1])} or {names[-1]}"


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_STEP.fullmatch(part) else f"[{preview(part)}]"


_CHECKS = {
    "array": _check_array,
    "blob": _check_blob,
    "boolean": _check_boolean,
    "bytes": _check_bytes,
    "cid-link": _check_link,
    "integer": _check_integer,
    "lexMap": _check_map,
    "lexValue": _check_data,
    "literal": _check_literal,
    "nullable": _check_nullable,
    "object": _check_object,
    "params": _check_object,
    "ref": _check_ref,
    "string": _check_string,
    "union": _check_union,
}
