"""Rate limits: how they are counted, told and enforced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from skywrite.sandbox import Sandbox
from tests.contract.asking import Server, Writer, new_tid, op, post
from tests.support.pds import running_pds

CREATE = "com.atproto.server.createSession"
TOO_MANY = (429, "RateLimitExceeded", "Rate Limit Exceeded")


@pytest.fixture(scope="module", params=["sandbox", "reference"])
def limited(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each server with its rate limits on."""
    if request.param == "sandbox":
        with Sandbox(rate_limits=True) as box:
            yield Server("sandbox", box.url, box.plc_url, box.jwt_secret)
    else:
        with running_pds(rate_limits=True) as pds:
            yield Server("reference", pds.url, pds.plc_url, pds.jwt_secret, pds.admin_password)


def test_sign_ins(limited: Server) -> None:
    """30 sign-ins in 5 minutes for one name, the tightest limit told each time; then 429 until the window ends."""
    credentials = {"identifier": "nobody.test", "password": "x"}
    answers = [limited.ask(CREATE, credentials) for _ in range(31)]
    assert [answer.status for answer in answers] == [401] * 30 + [429]
    assert [int(answer.headers["ratelimit-remaining"]) for answer in answers] == [*reversed(range(30)), 0]
    last = answers[-1]
    assert last.error == TOO_MANY
    assert (last.headers["ratelimit-limit"], last.headers["ratelimit-policy"]) == ("30", "30;w=300")
    assert 0 < int(last.headers["retry-after"]) <= 300
    assert limited.ask(CREATE, {**credentials, "identifier": "else.test"}).status == 401


def test_write_points(limited: Server) -> None:
    """Writes cost points: 5000 an hour, 3 a create, 2 an update, 1 a delete, also when they fail; too many are not
    carried out."""
    writer = Writer(limited, limited.create_account())
    for _ in range(4):
        failed = writer.apply([op("create")] * 400)
        assert failed.error[2] == "Too many writes. Max: 200"
    assert (failed.headers["ratelimit-limit"], failed.headers["ratelimit-remaining"]) == ("5000", "200")
    rkey = new_tid()
    assert writer.create(post(), rkey=rkey).headers["ratelimit-remaining"] == "197"
    assert writer.put(rkey, post("2")).headers["ratelimit-remaining"] == "195"
    assert writer.delete(rkey).headers["ratelimit-remaining"] == "194"
    refused = writer.apply([op("create", rkey)] * 66)
    assert refused.error == TOO_MANY
    assert refused.headers["ratelimit-policy"] == "5000;w=3600"
    assert writer.read(rkey).status == 400
    assert writer.create(post()).error == TOO_MANY


def test_requests(limited: Server) -> None:
    """Every answer tells how many requests are left for this address."""
    first, second = (limited.ask("com.atproto.server.describeServer").headers for _ in range(2))
    assert int(first["ratelimit-remaining"]) - int(second["ratelimit-remaining"]) == 1
    assert (first["ratelimit-limit"], first["ratelimit-policy"]) == ("3000", "3000;w=300")


def test_uploads(limited: Server) -> None:
    """1000 uploads a day."""
    writer = Writer(limited, limited.create_account())
    headers = writer.upload(b"x").headers
    assert (headers["ratelimit-limit"], headers["ratelimit-policy"]) == ("1000", "1000;w=86400")
