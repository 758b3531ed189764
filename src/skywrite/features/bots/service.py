"""Bots as accounts: saying that an account is one. What does not live here: the label itself (`bsky.bot_label`)."""

from __future__ import annotations

from skywrite.app.context import Context
from skywrite.app.nouns import checked, final
from skywrite.core.errors import Do
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.bsky.bot_label import is_bot, set_bot


@checked("bots")
class Bots:
    """What an account says of itself, and the beginning of a program."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def status(self, account: str | None = None) -> bool:
        """Whether the account says that it is a bot."""
        return is_bot(self._repo(account))

    @final("the label of the account", "Take it away: ", Do("bots.off"))
    def on(self, account: str | None = None) -> bool:
        """Say in the account's profile that it is a bot. Returns whether that was a change."""
        return set_bot(self._repo(account), True)

    @final("the end of the account's label", "Put it back: ", Do("bots.on"))
    def off(self, account: str | None = None) -> bool:
        """Stop saying that the account is a bot; everything else in its profile stays."""
        return set_bot(self._repo(account), False)

    def _repo(self, account: str | None) -> Repo:
        return Repo(self._ctx.agent(self._ctx.account(account)))
