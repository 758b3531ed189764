"""The page of the accounts says with which rights an account is signed in, and when its session ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from skywrite.faces.server.pages import accounts as page
from tests.oauth.conftest import Process, SignIn
from tests.oauth.support import MovedClock

DAY = 86_400


class Seen:
    """What the page needs of a visit."""

    def __init__(self, sky: Any) -> None:
        self.sky = sky


@pytest.mark.parametrize(("days", "soon"), [(1, False), (12, True)])
def test_the_end_of_a_session_is_shown(process: Process, sign_in: SignIn, days: int, soon: bool) -> None:
    """With its day, and marked when it is three days away or less."""
    clock = MovedClock()
    sky = process(clock=clock)
    done = sign_in(sky)
    clock.forward(days * DAY)
    shown = page._session(Seen(sky), done.account)  # type: ignore[arg-type]  # it stands in for a visit
    ends = (done.session.created_at + timedelta(days=14)).strftime("%Y-%m-%d")
    assert (True, soon) == (f"It ends on {ends}" in shown["session"], shown["ends_soon"])
