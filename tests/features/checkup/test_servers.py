"""What `doctor` asks of servers that do not answer."""

from __future__ import annotations

import pytest

from skywrite.app.facade import Skywrite
from skywrite.core.errors import TemporaryError
from skywrite.features.checkup import service as checkup
from skywrite.queue.model import Account
from tests.support.world import World


def test_a_server_that_fails_is_asked_once(sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its other accounts are named as not checked, instead of waiting for the same silence each."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    asked: list[str] = []

    def silence(sky: Skywrite, account: Account) -> None:
        asked.append(account.handle)
        raise TemporaryError("The server did not answer.")

    monkeypatch.setattr(checkup, "_account", silence)
    findings = [finding for finding in checkup.check_all(sky) if finding.what in ("alice.test", "bob.test")]
    assert (1, 2) == (len(asked), len(findings))
    assert f"failed for {asked[0]}" in findings[1].message
    assert {TemporaryError.exit_code} == {finding.exit_code for finding in findings}
