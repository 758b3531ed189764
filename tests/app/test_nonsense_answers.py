"""A server that answers nonsense, endpoint by endpoint: nothing is lost, and nothing goes out twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import SkywriteError
from skywrite.core.http import Response
from tests.support.world import World

JSON = {"content-type": "application/json"}
# What becomes of an answer: its body is lost, cut, or that of something else.
NONSENSE: dict[str, Callable[[Response], Response]] = {
    "a page": lambda answer: Response(200, {"content-type": "text/html"}, b"<html>Welcome</html>"),
    "a page that refuses": lambda answer: Response(400, {"content-type": "text/html"}, b"<html>Bad request</html>"),
    "a page of a proxy": lambda answer: Response(502, {"content-type": "text/html"}, b"<html>Bad gateway</html>"),
    "nothing": lambda answer: answer._replace(body=b""),
    "half": lambda answer: answer._replace(body=answer.body[: len(answer.body) // 2]),
    "another type": lambda answer: answer._replace(headers={**answer.headers, "content-type": "text/plain"}),
    "null": lambda answer: Response(200, JSON, b"null"),
    "a list": lambda answer: Response(200, JSON, b"[]"),
    "an empty object": lambda answer: Response(200, JSON, b"{}"),
    "numbers": lambda answer: Response(
        200, JSON, b'{"uri": 1, "cid": 2, "did": 3, "blob": 4, "records": 5, "results": 6}'
    ),
}


WRITE = "com.atproto.repo.applyWrites"


class Nonsense:
    """A transport that spoils the answers of some endpoints, whether their requests are carried out or not."""

    def __init__(self, world: World) -> None:
        self._request = world.transport.request
        self.asked: dict[str, None] = {}
        self.endpoints: tuple[str, ...] = ()
        self.spoil, self.carried_out = NONSENSE["nothing"], True
        world.transport.request = self  # type: ignore[method-assign, assignment]

    def __call__(self, method: str, url: str, **more: Any) -> Response:
        endpoint = url.partition("?")[0].rpartition("/")[2]
        self.asked.setdefault(endpoint)
        if endpoint not in self.endpoints:
            return self._request(method, url, **more)
        return self.spoil(self._request(method, url, **more) if self.carried_out else Response(200, JSON, b"{}"))


class Walk:
    """Posts that need all that a server has, each while other endpoints answer nonsense."""

    def __init__(self, world: World, sky: Skywrite, picture: str) -> None:
        self._world, self._sky, self._picture = world, sky, picture
        self.nonsense = Nonsense(world)
        self.tried = 0

    def wrong(self, *endpoints: str) -> Iterator[str]:
        """The cases in which a post does not stand there once when the endpoints are well again."""
        for what, self.nonsense.spoil in NONSENSE.items():
            for self.nonsense.carried_out in (True, False):
                self.tried += 1
                self.nonsense.endpoints = endpoints
                name = f"{self.tried} {what}"
                told = [*self._publish(name), *self._go_on()]
                texts = self._world.texts()
                if [1, 1] != [texts.count(text) for text in (f"{name} @bob.test", f"{name} 2")] or "unexpected" in told:
                    yield f"{endpoints}, {name}, carried out: {self.nonsense.carried_out}"

    def _publish(self, name: str) -> list[str]:
        """An access token of three hours ago has to be refreshed first."""
        self._world.clock.advance(3 * 3600)
        thread, images = [f"{name} 2"], [self._picture]
        self._sky.schedule(f"{name} @bob.test", at="now", late="publish", images=images, thread=thread)
        return self._run()

    def _go_on(self) -> list[str]:
        self.nonsense.endpoints = ()
        self._world.clock.advance(3600)
        return self._run()

    def _run(self) -> list[str]:
        told: list[str] = []
        with suppress(SkywriteError):
            self._sky.run_once(log=lambda event, **_: told.append(event))
        return told


@pytest.mark.nightly
def test_nothing_is_lost_and_nothing_goes_out_twice(world: World, sky: Skywrite, image: Callable[..., str]) -> None:
    """Whatever endpoints answer in place of what they should: once they are well again, the post stands there once."""
    walk = Walk(world, sky, image())
    assert [] == list(walk.wrong())
    alone = list(walk.nonsense.asked)
    assert [] == [case for endpoint in alone for case in walk.wrong(endpoint)]
    # After a write whose answer makes no sense, the worker looks what became of it.
    looked_up = [endpoint for endpoint in walk.nonsense.asked if endpoint not in alone]
    assert [] == [case for endpoint in looked_up for case in walk.wrong(endpoint, WRITE)]
    assert (True, True, walk.tried) == (
        WRITE in alone,
        bool(looked_up),
        (1 + len(alone + looked_up)) * 2 * len(NONSENSE),
    )
