"""MCP: the protocol around `tools`, over standard input and output and over HTTP, with the official SDK.

What lives here: everything that uses the SDK, which is imported when the first agent connects. What does not: what the
tools do. Each request is checked by itself, and no state is kept between requests.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from skywrite import __version__
from skywrite.app import Skywrite
from skywrite.app.operations import Access, Operation
from skywrite.core.errors import MissingExtra, NotAllowed, SkywriteError, Unauthenticated
from skywrite.faces.server.auth import caller_of
from skywrite.faces.server.json_bodies import parse, read_in_turn
from skywrite.faces.server.lanes import Lanes
from skywrite.faces.server.limits import in_turn, read_body
from skywrite.faces.server.problems import problem
from skywrite.faces.server.rights import access_of_key
from skywrite.faces.server.routes import rate_limited
from skywrite.faces.server.services import Served, services_of
from skywrite.features.agents import routes
from skywrite.features.agents.routes import challenged, resource_of
from skywrite.features.agents.tools import INSTRUCTIONS, Tool, error_of, find_resource, find_tool, resources, tools_for
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.people import People

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

log = logging.getLogger("skywrite.server")

NAME = "skywrite"
BODY_BYTES_MAX = 1_000_000
# Of JSON-RPC.
INVALID_REQUEST = -32600


def make_server(access_of: Callable[[Any], Access], lanes: Lanes | None = None) -> Server[Any]:
    """An MCP server; `access_of` returns the rights of a request from the SDK's context. Raises MissingExtra."""
    try:
        from mcp import MCPError, types
        from mcp.server.lowlevel import Server
    except ImportError:
        raise MissingExtra("MCP needs an optional part.", extra="mcp") from None
    lanes = Lanes.new() if lanes is None else lanes

    async def list_tools(context: Any, params: Any) -> Any:
        access = await run_in_threadpool(access_of, context)
        return types.ListToolsResult(tools=[_tool(types, tool) for tool in tools_for(access)])

    async def call_tool(context: Any, params: Any) -> Any:
        def call() -> dict[str, Any]:
            return tool.call(access, params.arguments or {})

        try:
            tool = find_tool(params.name)
            access = await run_in_threadpool(access_of, context)
            lane = lanes.media if tool.is_upload else lanes.of(tool.operation.network)
            result = await lane.run(access.share, call)
        except Exception as error:
            if not isinstance(error, SkywriteError):
                log.error("the tool %s failed", params.name, exc_info=error)
            text = types.TextContent(type="text", text=json.dumps(error_of(error)))
            return types.CallToolResult(content=[text], is_error=True)
        text = types.TextContent(type="text", text=json.dumps(result, ensure_ascii=False))
        return types.CallToolResult(content=[text])

    async def list_resources(context: Any, params: Any) -> Any:
        listed = [
            types.Resource(name=item.name, uri=item.uri, description=item.description, mime_type=item.mime)
            for item in resources().values()
        ]
        return types.ListResourcesResult(resources=listed)

    async def read_resource(context: Any, params: Any) -> Any:
        try:
            resource = find_resource(str(params.uri))
            access = await run_in_threadpool(access_of, context)
            text = await lanes.work.run(access.share, resource.read, access)
        except SkywriteError as error:
            # Any other exception is a bug, which the SDK logs; this one is only an answer.
            raise MCPError(types.INVALID_PARAMS, error.message, error_of(error)) from None
        contents = types.TextResourceContents(uri=resource.uri, mime_type=resource.mime, text=text)
        return types.ReadResourceResult(contents=[contents])

    return Server(
        NAME,
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
    )


def run_stdio(sky: Skywrite, key: str) -> None:
    """Serve one agent over standard input and output until it disconnects. Raises Unauthenticated, MissingExtra."""
    keys = ApiKeys(sky.context.store)
    keys.check(key)

    def access_of(context: Any) -> Access:
        # Checked at each request: a revoked key stops working at once.
        api_key = keys.check(key)
        person = None if api_key.person_id is None else People(sky.context.store).get(api_key.person_id)
        return access_of_key(sky, api_key, person, source="mcp")

    server = make_server(access_of)

    async def serve() -> None:
        from mcp.server.stdio import stdio_server

        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    asyncio.run(serve())


class McpEndpoint:
    """`/mcp`: streamable HTTP without sessions; it starts when the first agent connects."""

    def __init__(self) -> None:
        self._manager: StreamableHTTPSessionManager | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._starting = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await self._let_in(request)
            async with in_turn(request, services_of(request).lanes.bodies, request.state.access.share):
                await self._answer(request, receive, send)
        except SkywriteError as error:
            await challenged(request, _refusal(error), error)(scope, receive, send)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        body = await read_body(request, BODY_BYTES_MAX)
        if body:
            await read_in_turn(request.state.access.share, parse, body)
        manager = await self._started(services_of(request).lanes)
        await manager.handle_request(request.scope, replayed(body, receive), send)

    async def stop(self) -> None:
        """End open connections."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _let_in(self, request: Request) -> None:
        """Attach the caller's rights to the request. Only keys are accepted, not browser sessions."""
        origin = request.headers.get("origin")
        if origin is not None and not services_of(request).origin.is_own(origin, request.headers.get("host", "")):
            raise NotAllowed(
                "This request comes from another site.", code="request.foreign", hint="Agents send no Origin."
            )
        if not request.headers.get("authorization"):
            raise Unauthenticated(
                "An agent needs a key or a token.",
                code="request.unauthenticated",
                hint="Send it as: Authorization: Bearer KEY",
            )
        caller = await caller_of(request, resource_of(request))
        rate_limited(request, caller)
        request.state.access = caller.access._replace(source="mcp")

    async def _started(self, lanes: Lanes) -> StreamableHTTPSessionManager:
        async with self._starting:
            if self._manager is None:
                # The first import takes most of a second, so it does not block other requests.
                manager = await run_in_threadpool(_manager, lanes)
                ready = asyncio.Event()
                self._task = asyncio.create_task(self._run(manager, ready))
                await ready.wait()
                self._manager = manager
            return self._manager

    async def _run(self, manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
        """The task group of the SDK, which must be entered and exited in the same task."""
        async with manager.run():
            ready.set()
            await self._stopping.wait()


def _refusal(error: SkywriteError) -> Response:
    """The response for a request that no tool gets, as JSON-RPC: of anything else, clients only say that it failed."""
    response = problem(error)
    about: dict[str, Any] = json.loads(bytes(response.body))
    words = " ".join(part for part in (error.message, about["hint"]) if part)
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": INVALID_REQUEST, "message": words, "data": about}}
    kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    return JSONResponse(body, response.status_code, kept)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read, once more, and then what else comes."""
    left = [body]

    async def received() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return received


def _manager(lanes: Lanes) -> StreamableHTTPSessionManager:
    server = make_server(lambda context: context.request.state.access, lanes)
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    return StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, max_request_body_size=BODY_BYTES_MAX
    )


def _tool(types: Any, tool: Tool) -> Any:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema(),
        annotations=_hints(types, tool.operation),
    )


def _hints(types: Any, operation: Operation) -> Any:
    """What differs from what the protocol assumes: that a tool writes, destroys, and reaches others."""
    return types.ToolAnnotations(
        read_only_hint=True if operation.read_only else None,
        destructive_hint=None if operation.destructive or operation.read_only else False,
        idempotent_hint=True if operation.idempotent and not operation.read_only else None,
        open_world_hint=False if operation.read_only else None,
    )


def served(sky: Skywrite) -> Served:
    """The addresses for programs, and MCP."""
    endpoint = McpEndpoint()
    return Served(
        [Route("/mcp", endpoint), *routes.for_programs()], {"agents": routes.AgentSignIns(sky)}, endpoint.stop
    )
