"""What one verb stores in several places is there whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from skywrite import Skywrite
from skywrite.queue.settings import Secrets

KEPT: tuple[tuple[str, Callable[[Skywrite], object], Callable[[Skywrite], object]], ...] = (
    ("hooks", lambda sky: sky.hooks.add("news", kind="github", template="{{ name }}"), lambda sky: sky.hooks.remove(1)),
    ("ways", lambda sky: sky.ways.add_text({"origin": ["Hi", "Hello"]}, distinct=2), lambda sky: sky.ways.remove(1)),
)


@pytest.mark.parametrize(("noun", "add", "remove"), KEPT, ids=[noun for noun, _, _ in KEPT])
def test_what_has_a_secret_is_never_without_it(
    sky: Skywrite,
    monkeypatch: pytest.MonkeyPatch,
    noun: str,
    add: Callable[[Skywrite], object],
    remove: Callable[[Skywrite], object],
) -> None:
    """Whatever ends it in the middle: what was added is not there, and what was removed is."""

    def ended(secrets: Secrets, *given: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(Secrets, "put", ended)
        add(sky)
    listed = [len(getattr(sky, noun).list())]
    add(sky)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(Secrets, "put", ended)
        remove(sky)
    listed.append(len(getattr(sky, noun).list()))
    remove(sky)
    assert [0, 1, 0] == [*listed, len(getattr(sky, noun).list())]
