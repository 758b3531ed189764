"""Every operation that the OpenAPI document of the server names, and every tool of its agents.

What lives here: the walk, and the record of requests and answers. What does not: the examples (`calls`), pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from compare.calls import OPERATIONS, TOOLS, Fields, Raw
from compare.commands import Missing, filled, pretty
from compare.requests import Answer, Caller, signed_in, with_key
from compare.stage import Stage

PLACE = "compare/calls.py"
METHODS = ("get", "post", "put", "patch", "delete", "head")
# What says nothing, and what is the same for most answers and stands in a file of its own (`pages`).
DULL_HEADERS = ("date", "content-length", "connection", "etag")
SAME_HEADERS = (
    *("content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy", "permissions-policy"),
    *("cross-origin-opener-policy", "cross-origin-resource-policy", "cache-control"),
)
# By whom an operation is asked that may not, or may less. What they are answered is written without its body's values.
OTHERS = ("nobody", "reader", "bobs-key", "viewer", "writer")


class Operation(NamedTuple):
    """An operation of the document."""

    name: str
    method: str
    path: str


def record(stage: Stage, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The document, and a file for each operation and each tool. Raises Missing."""
    with stage.served() as (url, _):
        document = Caller(url).ask("GET", "/api/openapi.json").json()
    yield "http/openapi.json", json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    operations = walk(document)
    if missing := [one.name for one in operations if one.name not in OPERATIONS]:
        raise Missing(f"No example in {PLACE} (OPERATIONS) for: {', '.join(missing)}.")
    for one in operations:
        with stage.served() as (url, link):
            yield f"operations/{one.name}.txt", "\n".join(_asked(one, names, url, link))
    yield from _tools(stage, names)


def walk(document: Mapping[str, Any]) -> list[Operation]:
    """The operations of an OpenAPI document."""
    return [
        Operation(described["operationId"], method.upper(), path)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    ]


def _asked(one: Operation, names: Mapping[str, str], url: str, link: str) -> Iterator[str]:
    """An operation with each example, by a key that may do all that a key may, else by the owner; then by others."""
    key, owner = with_key(url, names["key-secret"]), signed_in(url, link)
    for fields in OPERATIONS[one.name]:
        answer = _ask(key, one, fields, names)
        yield shown(f"{one.method} {one.path} {_words(fields)}", answer)
        if answer.status == 403:
            yield shown("the same by the owner", _ask(owner, one, fields, names))
    for name in OTHERS:
        answer = _ask(_other(url, names, name), one, OPERATIONS[one.name][0], names)
        yield f"by {name}: {answer.status} {_error_of(answer)}\n"
    if one.method not in ("GET", "DELETE", "HEAD"):
        path = _path(one.path, OPERATIONS[one.name][0], names)
        broken = key.ask(one.method, path, body=b"{", headers={"content-type": "application/json"})
        yield shown("a broken body", broken)


def _other(url: str, names: Mapping[str, str], name: str) -> Caller:
    if f"{name}-secret" in names:
        return with_key(url, names[f"{name}-secret"])
    return Caller(url, {"cookie": names[f"{name}-session"]} if f"{name}-session" in names else {})


def _error_of(answer: Answer) -> str:
    try:
        document = answer.json()
    except ValueError:
        return ""
    return str(document.get("error", "")) if isinstance(document, dict) else ""


def _words(fields: Fields | Raw) -> str:
    if isinstance(fields, Raw):
        return f"{fields.path} {dict(fields.headers)} {fields.body!r}"
    return json.dumps(fields, ensure_ascii=False)


def _path(path: str, fields: Fields | Raw, names: Mapping[str, str]) -> str:
    if isinstance(fields, Raw):
        return filled(fields.path, names)
    for name, value in fields.items():
        path = path.replace(f"{{{name}}}", quote(filled(str(value), names), safe=""))
    return path


def _ask(caller: Caller, one: Operation, fields: Fields | Raw, names: Mapping[str, str]) -> Answer:
    path = _path(one.path, fields, names)
    if isinstance(fields, Raw):
        if fields.head:
            return caller.head(fields.method, path)
        return caller.ask(fields.method, path, body=filled(fields.body, names).encode(), headers=fields.headers)
    rest = {name: value for name, value in fields.items() if f"{{{name}}}" not in one.path}
    if one.method in ("GET", "DELETE"):
        asked = urlencode(
            {name: filled(str(value).lower() if value is True else str(value), names) for name, value in rest.items()}
        )
        return caller.ask(one.method, f"{path}?{asked}" if asked else path)
    return caller.json(one.method, path, numbered(json.loads(filled(json.dumps(rest), names))))


def numbered(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields whose texts are numbers of things, as numbers."""
    return {name: int(value) if isinstance(value, str) and value.isdigit() else value for name, value in fields.items()}


def shown(words: str, answer: Answer) -> str:
    """A request and its answer as text."""
    left_out = {*DULL_HEADERS, *SAME_HEADERS}
    heads = [f"{name}: {value}" for name, value in sorted(answer.headers.items()) if name not in left_out]
    return "\n".join((f"> {words}", f"< {answer.status}", *heads, pretty(answer.text))) + "\n"


def _tools(stage: Stage, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What agents are offered, and each tool called; by a key, over HTTP."""
    with stage.served() as (url, _):
        agent = with_key(url, names["key-secret"])
        for method in ("tools/list", "resources/list"):
            yield f"mcp/{method.replace('/', '-')}.json", pretty(_rpc(agent, method, {}).text) + "\n"
        tools = _rpc(agent, "tools/list", {}).json()["result"]["tools"]
        drafter = with_key(url, names["drafter-secret"])
        offered = [tool["name"] for tool in _rpc(drafter, "tools/list", {}).json()["result"]["tools"]]
        yield "mcp/tools-of-drafter.txt", "\n".join(offered) + "\n"
        resources = _rpc(agent, "resources/list", {}).json()["result"]["resources"]
        for resource in resources:
            text = pretty(_rpc(agent, "resources/read", {"uri": resource["uri"]}).text)
            yield f"mcp/resource-{resource['name']}.txt".replace(" ", "-"), text + "\n"
    if missing := [tool["name"] for tool in tools if tool["name"] not in TOOLS]:
        raise Missing(f"No example in {PLACE} (TOOLS) for: {', '.join(missing)}.")
    for tool in tools:
        with stage.served() as (url, _):
            agent, texts = with_key(url, names["key-secret"]), []
            for fields in TOOLS[tool["name"]]:
                arguments = numbered(json.loads(filled(json.dumps(fields), names)))
                answer = _rpc(agent, "tools/call", {"name": tool["name"], "arguments": arguments})
                texts.append(f"> {tool['name']} {json.dumps(fields)}\n{_called(answer)}\n")
        yield f"mcp/tool-{tool['name']}.txt", "\n".join(texts)


def _called(answer: Answer) -> str:
    """What a tool answered; its text, which is JSON in JSON, is read."""
    try:
        result = answer.json()["result"]
        return "\n".join(
            [f"error: {result.get('isError', False)}", *(pretty(part["text"]) for part in result["content"])]
        )
    except (ValueError, KeyError):
        return pretty(answer.text)


def _rpc(agent: Caller, method: str, params: Mapping[str, Any]) -> Answer:
    """One call over MCP's HTTP."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    return agent.ask("POST", "/mcp", body=json.dumps(body).encode(), headers=headers)
