"""`skywrite serve --demo`, as a newcomer finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.faces.server.demo import demo_queue
from skywrite.queue.api_keys import ApiKeys


def test_a_new_home_holds_the_demo_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other commands with the same SKYWRITE_HOME see the demo, such as `keys add`; at its end nothing is left."""
    home = tmp_path / "home"
    monkeypatch.setenv("SKYWRITE_HOME", str(home))
    with demo_queue() as sky, Skywrite(config=load_config()) as other:
        new_key, _ = ApiKeys(other.context.store).add("demo", ("read",))
        assert [new_key.id] == [key.id for key in ApiKeys(sky.context.store).all()]
    assert not home.exists()


def test_a_home_in_use_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue of one's own gets no accounts of the demo, and stays."""
    monkeypatch.setenv("SKYWRITE_HOME", str(tmp_path))
    with Skywrite(config=load_config()) as own:
        own.accounts.list()
    with demo_queue() as sky:
        assert tmp_path != sky.context.config.home
    with Skywrite(config=load_config()) as own:
        assert [] == list(own.accounts.list())
