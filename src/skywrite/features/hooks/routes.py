"""`POST /hooks/{name}`: where programs elsewhere ask for posts.

What lives here: reading a message from the network, and the answer. What does not: what becomes of it (`service`).
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skywrite.app import Skywrite
from skywrite.core.errors import InputError, NotFound, SkywriteError, Unauthenticated
from skywrite.faces.server.auth import client_of, wrong_guess
from skywrite.faces.server.json_bodies import parse_object, read_in_turn
from skywrite.faces.server.limits import in_turn, read_body
from skywrite.faces.server.problems import on_error
from skywrite.faces.server.services import Served, services_of
from skywrite.features.hooks.service import MESSAGE_BYTES_MAX, Believed, Delivered


async def receive(request: Request) -> Response:
    """A message. Nothing of it is read before its signature was checked."""
    try:
        # Whoever sends it is not known yet.
        async with in_turn(request, services_of(request).lanes.bodies, client_of(request)):
            return await _received(request)
    except SkywriteError as error:
        # It is never a person who asks, whatever the program accepts.
        return on_error(request, error)


async def _received(request: Request) -> Response:
    services = services_of(request)
    client = client_of(request)
    body = await read_body(request, MESSAGE_BYTES_MAX)
    try:
        believed = await services.lanes.work.run(client, _believe, request, body)
    except (Unauthenticated, NotFound):
        wrong_guess(request, "hook's signature")
        raise
    who = f"hook {believed.hook.name}"
    headers = services.requests.check(who, "messages")
    message = await read_in_turn(who, parse_object, _json_of(request.headers, body)) if believed.is_news else {}
    done = await services.lanes.network.run(who, services.sky.hooks.take, believed, message)
    return _answer(done, headers)


def _believe(request: Request, body: bytes) -> Believed:
    return services_of(request).sky.hooks.believe(request.path_params["name"], request.headers, body)


def _json_of(headers: Mapping[str, str], body: bytes) -> bytes:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # `curl -d` calls everything a form.
    if kind == "application/x-www-form-urlencoded" and not body.lstrip().startswith(b"{"):
        raise InputError(
            "The message is a form, and not JSON.",
            code="body.invalid",
            hint="Set the content type of the webhook to application/json in the program that sends it.",
        )
    return body


def _answer(done: Delivered, headers: Mapping[str, str]) -> Response:
    told = {"outcome": done.outcome, "post": done.post_id, "state": done.state}
    return JSONResponse(told, 201 if done.outcome == "made" else 200, dict(headers))


def served(sky: Skywrite) -> Served:
    """The address."""
    return Served([Route("/hooks/{name}", receive, methods=["POST"])])
