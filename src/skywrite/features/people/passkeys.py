"""Passkeys: how people sign in after the first link.

What lives here: the two ceremonies of WebAuthn, each in two steps, and their challenges. What does not: what is stored
(`queue.people`), sessions (`auth`). The `webauthn` library is imported at the first ceremony.

A passkey belongs to a host name: that of --public-url, or skywrite.localhost. On 127.0.0.1 there are none.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skywrite.app import Skywrite
from skywrite.core.clock import Clock, secret_bytes
from skywrite.core.errors import BadRequest, InputError, Unauthenticated
from skywrite.core.shown import check_name
from skywrite.faces.server.auth import AFTER_SIGN_IN, client_of, person_of, start_session, wrong_guess
from skywrite.faces.server.json_bodies import read_object
from skywrite.faces.server.services import Served, services_of
from skywrite.queue.people import People, Person

NAME = "Skywrite"
CHALLENGE_LIFETIME = timedelta(minutes=5)
CHALLENGES_MAX = 1000
CHALLENGE_BYTES = 32
BODY_BYTES_MAX = 30_000
LINK = "Sign in with a link; a server prints one when it starts."


class _Issued(NamedTuple):
    """A challenge: until when it holds, for whose ceremony, and where it was asked for."""

    ends: float
    person_id: int | None
    who: str


class Challenges:
    """Issued challenges, each for one ceremony of one person (or of nobody yet), for five minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[bytes, _Issued] = {}
        self._lock = threading.Lock()

    def new(self, person_id: int | None, who: str) -> bytes:
        """A new challenge, asked for by `who`. Where there are too many, whoever has most loses the oldest."""
        challenge = secret_bytes(CHALLENGE_BYTES)
        ends = self._clock.monotonic() + CHALLENGE_LIFETIME.total_seconds()
        with self._lock:
            self._open[challenge] = _Issued(ends, person_id, who)
            if len(self._open) > CHALLENGES_MAX:
                [(greedy, _)] = Counter(issued.who for issued in self._open.values()).most_common(1)
                del self._open[next(one for one, issued in self._open.items() if issued.who == greedy)]
        return challenge

    def use(self, challenge: bytes, person_id: int | None) -> bool:
        """Use up a challenge; False if it was not issued for this, or has expired."""
        with self._lock:
            issued = self._open.pop(challenge, None)
        return issued is not None and issued.ends > self._clock.monotonic() and issued.person_id == person_id


async def registration_options(request: Request) -> Response:
    """POST /passkeys/options: what the browser needs to create a passkey for the signed-in person."""
    person = await _signed_in(request)
    return await run_in_threadpool(_registration_options, request, person)


async def register(request: Request) -> Response:
    """POST /passkeys: store the passkey that the browser created. The body: `name`, `credential`."""
    person = await _signed_in(request)
    body = await read_object(request, client_of(request), BODY_BYTES_MAX)
    await run_in_threadpool(_register, request, person, body)
    return JSONResponse({"ok": True}, 201)


async def sign_in_options(request: Request) -> Response:
    """POST /passkeys/sign-in/options: what the browser needs to find a passkey of ours."""
    return await run_in_threadpool(_sign_in_options, request)


async def sign_in_with_passkey(request: Request) -> Response:
    """POST /passkeys/sign-in: begin a session for the passkey's owner. The body: `credential`."""
    body = await read_object(request, client_of(request), BODY_BYTES_MAX)
    try:
        person = await run_in_threadpool(_signed_in_by, request, body)
    except Unauthenticated:
        wrong_guess(request, "passkey")
        raise
    return await start_session(request, person, JSONResponse({"location": AFTER_SIGN_IN}))


def _registration_options(request: Request, person: Person) -> Response:
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement

    services = services_of(request)
    known = [_descriptor(passkey.credential_id) for passkey in services.people.passkeys(person.id)]
    options = generate_registration_options(
        rp_id=_host(request),
        rp_name=NAME,
        user_name=person.name,
        user_id=f"person-{person.id}".encode(),
        challenge=_challenges(request).new(person.id, client_of(request)),
        authenticator_selection=AuthenticatorSelectionCriteria(resident_key=ResidentKeyRequirement.REQUIRED),
        exclude_credentials=known,
    )
    return Response(options_to_json(options), media_type="application/json")


def _register(request: Request, person: Person, body: dict[str, Any]) -> None:
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.exceptions import WebAuthnException

    name, credential = str(body.get("name") or NAME), body.get("credential")
    check_name(name, "A passkey")
    challenge = _challenge_of(credential)
    if not _challenges(request).use(challenge, person.id):
        raise Unauthenticated("The passkey was created too late.", code="passkey.invalid", hint="Try again.")
    try:
        verified = verify_registration_response(
            credential=credential,  # type: ignore[arg-type]  # `_challenge_of` has checked what it is
            expected_challenge=challenge,
            expected_rp_id=_host(request),
            expected_origin=_origin(request),
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise Unauthenticated("The passkey cannot be used.", code="passkey.invalid", hint="Try another one.") from None
    people, number = services_of(request).people, bytes_to_base64url(verified.credential_id)
    if people.passkey(number) is not None:
        raise Unauthenticated("The passkey is already registered.", code="passkey.invalid")
    people.add_passkey(person.id, number, name, verified.credential_public_key, verified.sign_count)


def _sign_in_options(request: Request) -> Response:
    from webauthn import generate_authentication_options, options_to_json

    options = generate_authentication_options(
        rp_id=_host(request), challenge=_challenges(request).new(None, client_of(request))
    )
    return Response(options_to_json(options), media_type="application/json")


def _signed_in_by(request: Request, body: dict[str, Any]) -> Person:
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    people: People = services_of(request).people
    credential = body.get("credential")
    challenge = _challenge_of(credential)
    assert isinstance(credential, dict)
    known = people.passkey(str(credential.get("id", ""))[:2000])
    wrong = Unauthenticated("The passkey is unknown.", code="passkey.invalid", hint=LINK)
    if not _challenges(request).use(challenge, None) or known is None:
        raise wrong
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_host(request),
            expected_origin=_origin(request),
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise wrong from None
    people.note_passkey(known.credential_id, verified.new_sign_count)
    return people.get(known.person_id)


def _challenge_of(credential: object) -> bytes:
    """The challenge that a credential claims to be for. Raises BadRequest."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        assert isinstance(credential, dict)
        data = parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
    except (AssertionError, WebAuthnException, KeyError, TypeError, ValueError):
        raise BadRequest("The credential cannot be read.", code="body.malformed") from None
    return data.challenge


def _descriptor(credential_id: str) -> Any:
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(credential_id))


def _origin(request: Request) -> str:
    return services_of(request).origin.public_url or f"http://{request.headers.get('host', '')}"


def _host(request: Request) -> str:
    """The host name that passkeys belong to. Raises InputError on an address without a name."""
    host = (urlsplit(_origin(request)).hostname or "").lower()
    if host in ("", "::1") or host.replace(".", "").isdigit():
        raise InputError(
            f"There are no passkeys on {host}.",
            code="passkey.unavailable",
            hint="Open the page at http://skywrite.localhost:PORT",
        )
    return host


def _challenges(request: Request) -> Challenges:
    challenges = request.app.state.challenges
    assert isinstance(challenges, Challenges)
    return challenges


async def _signed_in(request: Request) -> Person:
    person = await person_of(request)
    if person is None:
        raise Unauthenticated("You are not signed in.", code="request.unauthenticated", hint=LINK)
    return person


def served(sky: Skywrite) -> Served:
    """The addresses that a browser's script calls."""
    routes = [
        Route("/passkeys", register, methods=["POST"]),
        Route("/passkeys/options", registration_options, methods=["POST"]),
        Route("/passkeys/sign-in", sign_in_with_passkey, methods=["POST"]),
        Route("/passkeys/sign-in/options", sign_in_options, methods=["POST"]),
    ]
    return Served([*routes], {"challenges": Challenges(sky.context.clock)})
