"""How long an attempt may take: it ends well within its lease, and a hung server costs seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import NoAnswer, TimedOut
from skywrite.core.http import MAX_ANSWER_BYTES, Response
from skywrite.posting.publish.publisher import LEASE_SECONDS
from skywrite.protocol.atproto.repo import Repo, Unwritten, Write
from skywrite.protocol.atproto.session import Agent, Session

DID = "did:plc:abcdefghijklmnopqrstuvwx"
THREAD = [Write.of("app.bsky.feed.post", f"3kaaaaaaaaaa{one}", {"text": one}) for one in "abc"]
SECONDS_TO_SAY_SO = 20
DEFAULT_SECONDS = 30.0


class SlowServer:
    """A server whose every answer takes as long as its client waits: `answers(nsid)`, or silence."""

    def __init__(self, clock: FakeClock, answers: Mapping[str, Response | Exception]) -> None:
        self._clock = clock
        self._answers = answers
        self.asked: list[str] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        """As `skywrite.core.http.Transport`."""
        nsid = url.rpartition("/")[2].partition("?")[0]
        self.asked.append(nsid)
        self._clock.advance(timeout_seconds or DEFAULT_SECONDS)
        answer = self._answers.get(nsid, TimedOut("silence"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def refusal(status: int, name: str) -> Response:
    """A refusal in XRPC."""
    return Response(status, {"content-type": "application/json"}, f'{{"error":"{name}","message":"no"}}'.encode())


def attempt(clock: FakeClock, session: Session, answers: Mapping[str, Response | Exception]) -> tuple[float, Any]:
    """How many seconds a write takes, and what came of it."""
    began = clock.monotonic()
    agent = Agent(SlowServer(clock, answers), session, clock=clock)
    result = Repo(agent).try_create_all(THREAD)
    return clock.monotonic() - began, result


SLOW: dict[str, dict[str, Response | Exception]] = {
    "silence": {},
    "a lost session": {"com.atproto.repo.applyWrites": refusal(401, "Unauthorized")},
    "errors all over": {
        "com.atproto.repo.applyWrites": refusal(401, "ExpiredToken"),
        "com.atproto.server.refreshSession": refusal(503, "Busy"),
        "com.atproto.repo.describeRepo": NoAnswer("reset"),
    },
    "500 and a look": {
        "com.atproto.repo.applyWrites": refusal(500, "InternalServerError"),
        "com.atproto.repo.getRecord": refusal(400, "RecordNotFound"),
    },
}


@pytest.mark.parametrize("case", SLOW)
def test_an_attempt_ends_within_its_lease(clock: FakeClock, case: str) -> None:
    """Every answer comes at the last second, and none is of use: the lease is never outlived by its own worker."""
    session = Session(DID, "alice.test", "https://pds.example", "access", "refresh")
    seconds, result = attempt(clock, session, SLOW[case])
    assert isinstance(result, Unwritten)
    assert seconds < LEASE_SECONDS * 2 / 3


def test_a_hung_server_is_left_after_seconds(clock: FakeClock) -> None:
    """One write and one look, each with its own patience: not a minute or two."""
    session = Session(DID, "alice.test", "https://pds.example", "access", "refresh")
    seconds, result = attempt(clock, session, {})
    assert isinstance(result, Unwritten) and isinstance(result.error, TimedOut)
    assert seconds <= SECONDS_TO_SAY_SO
