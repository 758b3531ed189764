"""`Skywrite`: the one object that all interfaces and users' scripts use.

It has one object for each noun, created on first use, so that a process that posts and exits loads no more than it
needs. What does not live here: any work; each noun has its own module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked
from skywrite.app.posts import Posts
from skywrite.app.results import Scheduled, Sent
from skywrite.app.sending import Sending
from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.config import DEFAULT_THREADS, Config
from skywrite.core.http import Transport
from skywrite.posting.publish.log import Log, silent

if TYPE_CHECKING:
    from skywrite.app.accounts import Accounts
    from skywrite.app.approvals import Approving
    from skywrite.app.bots import Item, Told
    from skywrite.app.functions import Functions
    from skywrite.app.oauth.service import OAuth
    from skywrite.app.options import EveryOptions, ListenerOptions, MentionOptions, PostOptions, ScheduleOptions
    from skywrite.app.runner import Runner
    from skywrite.features.answers.service import Answers, Inbox
    from skywrite.features.bots.service import Bots
    from skywrite.features.bulk.service import Bulk
    from skywrite.features.commands.service import Commands
    from skywrite.features.drafts.service import Drafts
    from skywrite.features.feeds.service import Feeds
    from skywrite.features.folders.service import Folders
    from skywrite.features.follow_ups.service import Following
    from skywrite.features.groups.service import Groups
    from skywrite.features.hooks.service import Hooks
    from skywrite.features.insight.service import Stats
    from skywrite.features.notices.service import NoticeChannels
    from skywrite.features.recurring.service import Recurrences
    from skywrite.features.reposts.service import Reposts
    from skywrite.features.snippets.service import Snippets
    from skywrite.features.tables.service import Transfer
    from skywrite.features.ways.service import Ways
    from skywrite.posting.publish.worker import Tally, Task, Worker
    from skywrite.queue.rekey import Resealed


Poster = TypeVar("Poster", bound=Callable[[], Any])
Listener = TypeVar("Listener", bound="Callable[[Item], Told]")
Commander = TypeVar("Commander", bound="Callable[..., Told]")


@checked("")
class Skywrite:
    """The durable queue, and everything that adds posts to it.

        sky = Skywrite()
        sky.schedule("Good morning, [readers](https://example.com)! #news", at="tomorrow 9:00", images=["sun.jpg"])
        sky.posts.list()
        sky.feeds.add("https://blog.example/")

        @sky.every("0 9 * * *", zone="Europe/Berlin")
        def weather():
            return f"{read_sensor()} degrees"

        sky.run()

    `database` is a path or a `postgresql://` address. Without it: SKYWRITE_DATABASE, or a SQLite file in the user's
    data directory. Use the object in a `with` statement, or call `close`. Every method may raise a `SkywriteError`.
    """

    def __init__(
        self,
        database: str | None = None,
        *,
        config: Config | None = None,
        transport: Transport | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        # For code that builds an interface on this class; users' scripts do not need it.
        self.context = Context(database, config=config, transport=transport, clock=clock)
        self._drafting = Drafting(self.context)
        self._sending = Sending(self.context, self._drafting)
        self.posts = Posts(self.context, self._drafting, self._sending)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and the connections."""
        self.context.close()

    # The nouns

    @cached_property
    def accounts(self) -> Accounts:
        """Sign in and out, and change the settings and slots of each account."""
        from skywrite.app.accounts import Accounts

        return Accounts(self.context)

    @property
    def oauth(self) -> OAuth:
        """Sign in with OAuth."""
        return self.context.oauth

    @cached_property
    def approvals(self) -> Approving:
        """See what would be published, and approve exactly that."""
        from skywrite.app.approvals import Approving

        return Approving(self.context, self._drafting)

    if TYPE_CHECKING:
        # Features bring the other nouns; here they stand for editors and type checkers only.
        notices: NoticeChannels
        """Who is notified of problems."""
        stats: Stats
        """What became of published posts."""
        inbox: Inbox
        """Replies, mentions and quotes of our posts."""
        answers: Answers
        """What answers by itself."""
        bots: Bots
        """Accounts that say that they are bots."""
        reposts: Reposts
        """Reposts and pins at a time."""
        follow_ups: Following
        """Replies and reposts once a post reaches a number of likes."""
        recurrences: Recurrences
        """Recurrences: posts that repeat."""
        feeds: Feeds
        """RSS, Atom and JSON Feed, whose items become posts."""
        folders: Folders
        """Folders of Markdown files, one post each."""
        drafts: Drafts
        """Drafts of the official Bluesky app."""
        groups: Groups
        """One text for several accounts."""
        bulk: Bulk
        """Several posts at once, with one undo."""
        snippets: Snippets
        """Texts that are used again, and signatures."""
        hooks: Hooks
        """Addresses at which programs elsewhere ask for posts."""
        ways: Ways
        """Ways of answering without a program: commands, addresses, grammars."""
        commands: Commands
        """Scheduled commands, whose output is posted."""
        transfer: Transfer
        """Import, export and backup."""
    else:

        def __getattr__(self, name: str) -> Any:
            from skywrite.features import features

            rows = () if name.startswith("_") else features()
            service = next(((row, row.services[name]) for row in rows if name in row.services), None)
            if service is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            row, one = service
            noun = row.load(one.home)(*(self._parts[part] for part in one.takes))
            self.__dict__[name] = noun
            return noun

    def __dir__(self) -> list[str]:
        """For editors and shells: the nouns that features bring, too."""
        from skywrite.features import features

        return sorted({*super().__dir__(), *(noun for row in features() for noun in row.services)})

    @cached_property
    def _parts(self) -> dict[str, Any]:
        """What the services of features may take."""
        own = {"context": self.context, "drafting": self._drafting, "sending": self._sending, "posts": self.posts}
        return {**own, "approvals": self.approvals, "listeners": lambda: self._functions.listeners.all()}

    @cached_property
    def _functions(self) -> Functions:
        """The functions that `every` registered."""
        from skywrite.app.functions import Functions

        return Functions(self.context, self._drafting, self._sending)

    # What a script does most, without a noun

    def post(self, text: str = "", **options: Unpack[PostOptions]) -> Sent:
        """Publish a post now, and return when it is out: see `posts.publish`."""
        return self.posts.publish(text, **options)

    @overload
    def schedule(
        self, text: str = "", *, dry_run: Literal[False] = False, **options: Unpack[ScheduleOptions]
    ) -> Scheduled[int]: ...

    @overload
    def schedule(
        self, text: str = "", *, dry_run: Literal[True], **options: Unpack[ScheduleOptions]
    ) -> Scheduled[None]: ...

    @overload
    def schedule(
        self, text: str = "", *, dry_run: bool, **options: Unpack[ScheduleOptions]
    ) -> Scheduled[int] | Scheduled[None]: ...

    def schedule(self, text: str = "", **options: Any) -> Any:
        """Schedule a post; a worker publishes it: see `posts.schedule`."""
        return self.posts.schedule(text, **options)

    def every(self, rule: str, **options: Unpack[EveryOptions]) -> Callable[[Poster], Poster]:
        """Decorator: a worker calls the function at the times of a recurrence and posts what it returns.

        `rule` is cron, RRULE or plain English. See `Functions.every` for the options.
        """
        return self._functions.every(rule, **options)

    @overload
    def on_mention(self, call: Listener) -> Listener: ...

    @overload
    def on_mention(self, **options: Unpack[MentionOptions]) -> Callable[[Listener], Listener]: ...

    def on_mention(self, call: Any = None, *, account: str | None = None, retract: bool = False) -> Any:
        """Decorator: a worker calls the function with each post that tags us, once, and what it returns is the answer.

        It gets an `Item`, and returns a text, a dict with the fields of a draft, a Draft, `Repost()`, `Like()`, or None
        to leave it to the next function. `raise Later("2h")` asks for the item again then. It may be asynchronous.
        `account`: only for this one. `retract`: take the answer back when the post is deleted.
        """
        return self._functions.listeners.on("mention", call, account, False, retract)

    @overload
    def on_reply(self, call: Listener) -> Listener: ...

    @overload
    def on_reply(self, **options: Unpack[ListenerOptions]) -> Callable[[Listener], Listener]: ...

    def on_reply(
        self, call: Any = None, *, account: str | None = None, unasked: bool = False, retract: bool = False
    ) -> Any:
        """Decorator: a worker calls the function with each reply to one of our answers, as `on_mention` does.

        `unasked`: also with replies to all other posts of ours. Bluesky's rule is that a bot interacts only with people
        who tagged it, or opted in: say in your bot's profile that it answers replies.
        """
        return self._functions.listeners.on("reply", call, account, unasked, retract)

    @overload
    def on_quote(self, call: Listener) -> Listener: ...

    @overload
    def on_quote(self, **options: Unpack[ListenerOptions]) -> Callable[[Listener], Listener]: ...

    def on_quote(
        self, call: Any = None, *, account: str | None = None, unasked: bool = False, retract: bool = False
    ) -> Any:
        """Decorator: a worker calls the function with each post that quotes one of ours and tags us, as `on_mention`.

        `unasked`: also with quotes that do not tag us. Bluesky's rule is that a bot interacts only with people who
        tagged it, or opted in: whoever quotes a post may not want an answer.
        """
        return self._functions.listeners.on("quote", call, account, unasked, retract)

    def command(
        self, word: str, *, aliases: Sequence[str] = (), account: str | None = None, retract: bool = False
    ) -> Callable[[Commander], Commander]:
        """Decorator: a worker calls the function where a word follows the mention, as in `@bot weather berlin`.

        The function gets the `Item` and the words after it; its last parameter gets all that are left. If they do not
        fit, the answer says how to use it. `help` lists all commands, with the first lines of their docstrings.
        """
        return self._functions.listeners.command(word, tuple(aliases), account, retract)

    def call(self, name: str) -> Sent | None:
        """Call a function that `every` registered now, and post what it returns; None if it returned nothing."""
        return self._functions.call(name)

    def run(
        self,
        *,
        threads: int = DEFAULT_THREADS,
        log: Log = silent,
        tasks: Sequence[Task] = (),
        commands: bool | None = None,
        when_stopping: Callable[[], object] = lambda: None,
    ) -> Tally:
        """Publish what is due until the process gets SIGTERM or Ctrl-C: see `Runner.run`."""
        return self._runner(commands).run(threads=threads, log=log, tasks=tasks, when_stopping=when_stopping)

    def rotate_key(self, new_key: str | None = None, *, force: bool = False) -> Resealed:
        """Seal sessions, secrets and commands with a new key: see `app.keys.rotate_key`."""
        from skywrite.app.keys import rotate_key

        return rotate_key(self.context, new_key, force=force)

    def run_once(self, *, threads: int = DEFAULT_THREADS, log: Log = silent, commands: bool | None = None) -> Tally:
        """Do everything that is due now, and return counts of it: see `Runner.run_once`."""
        return self._runner(commands).run_once(threads=threads, log=log)

    def worker(
        self,
        *,
        threads: int = DEFAULT_THREADS,
        log: Log = silent,
        tasks: Sequence[Task] = (),
        commands: bool | None = None,
    ) -> Worker:
        """A worker, for a program that starts and stops it itself."""
        return self._runner(commands).worker(threads=threads, log=log, tasks=tasks)

    def _runner(self, commands: bool | None = None) -> Runner:
        from skywrite.app.runner import Runner

        return Runner(self.context, self._drafting, self._sending, self._functions, commands=commands)
