"""`Skywrite` for a process that posts and ends: the verbs of posting and of accounts, without the rest.

What does not live here: anything of its own. Feeds, folders, rules and workers are left out because loading them would
be a good part of the time that `skywrite post` takes.
"""

from __future__ import annotations

from skywrite.app.accounts import Accounts
from skywrite.app.posting import Posting
from skywrite.http import Http


class Poster(Accounts, Posting):
    """The same queue as `Skywrite`, with fewer verbs. What it needs for the network is opened at once."""

    def __init__(self) -> None:
        super().__init__()
        http = self.transport
        if isinstance(http, Http):
            http.warm_up()
