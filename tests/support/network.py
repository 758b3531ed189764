"""The whole reference network with the AppView (`@atproto/dev-env`), for what only the AppView shows.

What lives here: its start on a PostgreSQL and a Redis of its own, and waiting until the AppView has seen everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.pds import SCRIPTS, START_SECONDS, PdsAccount, Xrpc, prepared_node
from tests.support.postgres import postgres_server
from tests.support.processes import Child
from tests.support.redis import redis_server


class Network(Xrpc):
    """A running network. `url` is that of its PDS, which passes `app.bsky` questions on to the AppView.

    `other` is its second PDS.
    """

    def __init__(self, child: Child) -> None:
        facts = json.loads(child.wait_for_line('{"url"', timeout_seconds=START_SECONDS))
        self.child = child
        self.url: str = facts["url"]
        self.plc_url: str = facts["plcUrl"]
        self.appview_url: str = facts["appviewUrl"]
        self.jwt_secret: str = facts["jwtSecret"]
        self.admin_password: str = facts["adminPassword"]
        self.accounts = [
            PdsAccount(account["handle"], account["did"], account["password"], account["appPassword"])
            for account in facts["accounts"]
        ]
        self.other = OtherPds(facts["otherUrl"])
        self._settle_url: str = facts["settleUrl"]

    def settle(self) -> None:
        """Return when the AppView has taken in everything that the PDS holds."""
        self.call("settle", url=self._settle_url)


class OtherPds(Xrpc):
    """The second PDS of a network, which the AppView reads as well."""

    def __init__(self, url: str) -> None:
        self.url = url


@contextmanager
def running_network() -> Iterator[Network]:
    """A network of its own, with alice.test and bob.test. Raises ServerUnavailable where it cannot be installed."""
    node = prepared_node("network")
    with postgres_server() as postgres, redis_server() as redis:
        environ = {"DB_POSTGRES_URL": postgres.url, "REDIS_HOST": redis}
        with Child([node, SCRIPTS / "network" / "network.mjs"], environ=environ) as child:
            yield Network(child)
            child.stop()
