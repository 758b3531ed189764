"""The names of all commands: those that help lists, their old names, and the names that other programs use; and nouns
with verbs (`skywrite feeds add`). A noun alone lists what there is, if it has a list.

What does not live here: how a command is found by its name (`main`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import click

# The commands of the frame itself: module, and line in `skywrite --help`. Features bring the others.
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Accounts": {
        "login": ("login", "Sign in to an account"),
        "logout": ("login", "Sign out of an account"),
        "accounts": ("accounts", "List accounts; change their settings, slots and OAuth client"),
    },
    "Write": {
        "post": ("posting", "Post a text, now or later"),
        "schedule": ("posting", "Post a text at a time"),
        "thread": ("preview", "Post a thread"),
        "preview": ("preview", "Show a post as it will appear; send nothing"),
    },
    "Posts": {
        "list": ("posts", "List scheduled posts, or past ones"),
        "show": ("posts", "Show a post and every attempt to send it"),
        "edit": ("posts", "Change a post"),
        "move": ("posts", "Move a post to another time"),
        "cancel": ("posts", "Cancel posts"),
        "hold": ("posts", "Hold posts until you release them"),
        "release": ("posts", "Release held posts"),
        "retry": ("posts", "Try failed posts again"),
        "approve": ("approve", "See exactly what goes out, and approve it"),
        "reject": ("approve", "Reject a post, with a note"),
        "delete": ("posts", "Delete a published post"),
        "undo": ("posts", "Undo the last change"),
    },
    "Automate": {},
    "Follow": {},
    "Move data": {},
    "Run and check": {
        "run": ("running", "Publish posts when they are due"),
        "serve": ("serve", "Serve the page, the HTTP API and MCP, with the worker"),
        "sandbox": ("serve", "Run a fake Bluesky server for tests"),
    },
    "Skywrite itself": {
        "help": ("help", "Show help"),
        "completion": ("help", "Set up shell completion"),
        "version": ("help", "Show the version"),
    },
}
_HOMES = {name: f"skywrite.faces.cli.{module}" for group in GROUPS.values() for name, (module, _) in group.items()}
# Old names, and what bug reports are called elsewhere, with the names that stand for them. They work for ever, and
# nothing lists them.
OLD_NAMES = {
    "answer": "answers",
    "bot": "accounts bot",
    "new bot": "answers new",
    "command": "commands",
    "feed": "feeds",
    "follow-up": "follow-ups add",
    "history": "list --past",
    "key": "keys",
    "key rotate": "keys rotate-encryption",
    "oauth": "accounts oauth",
    "pin": "reposts pin",
    "queue": "list",
    "receipt": "receipts save",
    "repost": "reposts add",
    "set": "accounts set",
    "slots": "accounts slots",
    "support": "doctor --report",
    "unpin": "reposts unpin",
    "use": "accounts use",
    "verify": "receipts verify",
    "whoami": "accounts show",
}
# What people type who know other programs, and the commands that do it; the empty one shows the status.
OTHER_COMMANDS = {
    "ls": ("list",),
    "at": ('schedule "Hello" --at "tomorrow 9:00"',),
    "atq": ("list",),
    "atrm": ("cancel 12",),
    "posts": ("list",),
    "scheduled": ("list",),
    "send": ('post "Hello"',),
    "publish": ('post "Hello"', "show 12"),
    "upload": ('post "Hello" --image sun.png',),
    "image": ('post "Hello" --image sun.png',),
    "toot": ('post "Hello"',),
    "tweet": ('post "Hello"',),
    "skeet": ('post "Hello"',),
    "rm": ("cancel 12", "delete 12"),
    "remove": ("cancel 12", "delete 12"),
    "unpost": ("delete 12",),
    "unpublish": ("delete 12",),
    "unschedule": ("cancel 12",),
    "reschedule": ('move 12 "tomorrow 9:00"',),
    "postpone": ('move 12 "tomorrow 9:00"',),
    "delay": ('move 12 "tomorrow 9:00"',),
    "pause": ("hold 12",),
    "resume": ("release 12",),
    "unhold": ("release 12",),
    "revert": ("undo",),
    "stop": ("hold --state scheduled", "service remove"),
    "next": ("list --limit 1",),
    "when": ("show 12",),
    "info": ("show 12",),
    "view": ("show 12",),
    "get": ("show 12", "accounts set"),
    "search": ("list", "list --past"),
    "find": ("list", "list --past"),
    "grep": ("list", "list --past"),
    "calendar": ("list", "serve"),
    "reply": ('post "Hello" --reply-to LINK', "inbox answer 12 TEXT"),
    "quote": ('post "Hello" --quote LINK',),
    "new": ('post "Hello"',),
    "write": ('post "Hello"',),
    "add": ('schedule "Hello" --at "tomorrow 9:00"', "feeds add https://example.com/blog"),
    "please": ("help",),
    "hello": ("help",),
    "hi": ("help",),
    "log": ("list --past", "doctor"),
    "logs": ("list --past", "doctor"),
    "install": ("service install",),
    "cron": ("run --once", "service install"),
    "crontab": ("run --once", "service install"),
    "git": ("sync posts",),
    "test": ("doctor", "sandbox"),
    "status": ("", "doctor"),
    "check": ("doctor",),
    "fix": ("doctor --fix",),
    "repair": ("doctor --fix",),
    "report": ("doctor --report", "stats"),
    "bug": ("doctor --report",),
    "debug": ("doctor", "doctor --report"),
    "diagnose": ("doctor",),
    "start": ("run", "service install"),
    "worker": ("run",),
    "daemon": ("service install",),
    "server": ("serve",),
    "web": ("serve",),
    "signin": ("login",),
    "auth": ("login",),
    **dict.fromkeys(("sign-in", "connect", "init", "setup", "configure"), ("login",)),
    "signout": ("logout",),
    "say": ('post "Hello"',),
    "sent": ("list --past",),
    "man": ("help",),
    "me": ("accounts show",),
    "settings": ("accounts set",),
    "config": ("accounts set",),
    "account": ("accounts",),
    "draft": ('post "Hello" --draft', "list --state draft"),
    "mentions": ("inbox",),
    "notifications": ("inbox", "notices"),
    "replies": ("inbox",),
    "change": ('edit 12 "Better"',),
    "update": ('edit 12 "Better"', "version"),
    "watch": ('commands add "./weather.sh" --every "0 8 * * *"',),
    "rss": ("feeds add https://example.com/blog",),
}
# What nothing here does, and how it is done.
NOT_HERE = {
    **dict.fromkeys(("timeline", "home"), "A script reads the timeline: Client().get_timeline()"),
    **dict.fromkeys(("like", "unlike"), "A script likes posts: Client().like(uri, cid)"),
    **dict.fromkeys(("follow", "unfollow"), "A script follows accounts: Client().follow(did)"),
    "restore": "Stop the workers, and put the backup in the database's place. To take a change back: skywrite undo",
    **dict.fromkeys(("chat", "dm"), "Skywrite sends no messages; the app does"),
    **dict.fromkeys(
        ("upgrade", "self-update"),
        "In the clone: git pull, then pipx install --force . What changed is in CHANGELOG.md",
    ),
}
# A command with a word or an option that it does not take, and the commands that do what is meant. 12 is any number.
OTHER_LINES = {
    "accounts add": ("login alice.bsky.social",),
    "accounts login": ("login alice.bsky.social",),
    "accounts new": ("login alice.bsky.social",),
    "accounts remove": ("logout alice.bsky.social",),
    "accounts rm": ("logout alice.bsky.social",),
    "accounts delete": ("logout alice.bsky.social",),
    "accounts logout": ("logout alice.bsky.social",),
    "accounts get": ("accounts set",),
    "accounts settings": ("accounts set",),
    "accounts default": ("accounts use alice.bsky.social",),
    "accounts switch": ("accounts use alice.bsky.social",),
    "approve all": ("approve", "approve --all-of import:plan.csv"),
    "approve --all": ("approve", "approve --all-of import:plan.csv"),
    "approve --yes": ("approve",),
    "cancel all": ("cancel --state scheduled",),
    "cancel --all": ("cancel --state scheduled",),
    "groups list": ("list",),
    "hold all": ("hold --state scheduled",),
    "hold --all": ("hold --state scheduled",),
    "release all": ("release --state held",),
    "release --all": ("release --state held",),
    "retry all": ("retry --state failed",),
    "retry --all": ("retry --state failed",),
    "feeds show": ("feeds list",),
    "feeds pause": ("feeds remove 12",),
    "list all": ("list", "list --past"),
    "list --all": ("list", "list --past"),
    "list draft": ("list --state draft",),
    "list drafts": ("list --state draft",),
    "list --draft": ("list --state draft",),
    "list --drafts": ("list --state draft",),
    "list failed": ("list --past --state failed",),
    "list --failed": ("list --past --state failed",),
    "list held": ("list --state held",),
    "list --held": ("list --state held",),
    "list past": ("list --past",),
    "list posted": ("list --past",),
    "list published": ("list --past",),
    "list --published": ("list --past",),
    "list scheduled": ("list",),
    "list --scheduled": ("list",),
    "list today": ("list",),
    "list --today": ("list",),
    "list tomorrow": ("list",),
    "list week": ("list",),
    "list --week": ("list",),
    "list accounts": ("accounts",),
    "list feeds": ("feeds",),
    "list recurring": ("recurring",),
    "run --cron": ("run --once",),
    "run --dry-run": ("rehearse --until tomorrow",),
    "show last": ("list --past --limit 1",),
    "show latest": ("list --past --limit 1",),
    "show next": ("list --limit 1",),
    "show all": ("list",),
    "show 1-3": ("list",),
    "sync --dry-run": ("sync posts --check",),
    "sync --watch": ("run",),
    "undo 12": ("undo", "cancel 12"),
    "undo all": ("undo",),
    "undo --all": ("undo",),
    "undo last": ("undo",),
    "recurring add": ('post "Good morning" --every "weekdays 9:00"',),
    "recurring new": ('post "Good morning" --every "weekdays 9:00"',),
    "recurring start": ('post "Good morning" --every "weekdays 9:00"',),
    "recurring pause": ('recurring skip 12 "tomorrow 9:00"', "recurring stop 12"),
    "recurring resume": ('post "Good morning" --every "weekdays 9:00"',),
    "keys add *": ("keys add --name bot --scope read --scope draft",),
    "drafts add": ('post "Hello" --draft',),
    "drafts list": ("list --state draft",),
    "drafts ls": ("list --state draft",),
    "drafts new": ('post "Hello" --draft',),
    "export *": ("export -o plan.jsonl",),
    "notices add ntfy": ("notices add command ./tell.sh",),
    "notices add slack": ("notices add command ./tell.sh",),
    "notices add webhook": ("notices add command ./tell.sh",),
    "move --next-slot": ('move 12 "tomorrow 9:00"',),
    "recurring stop all": ("recurring",),
    "service cron": ("run --once",),
}
# What other programs call a verb of a noun.
OTHER_VERBS = {
    "add": ("new", "create", "make", "register"),
    "list": ("ls", "all"),
    "show": ("view", "get", "info"),
    "edit": ("change", "update", "modify", "set"),
    "remove": ("rm", "delete", "del", "cancel", "stop", "revoke"),
    "cancel": ("rm", "delete", "del", "remove", "stop", "revoke"),
    "revoke": ("rm", "delete", "del", "remove", "cancel", "stop"),
    "stop": ("rm", "delete", "del", "remove", "cancel", "end"),
    "test": ("try", "check"),
    "run": ("try", "test"),
}
LIST = "list"
# Options of a noun itself; all others belong to its list.
_OWN_FLAGS = ("-q", "--quiet")
_OWN_ENDS = ("-h", "--help")


def home_of(name: str) -> str | None:
    """The module of a command, or None if there is no such command. For one of the frame no feature is looked at."""
    return _HOMES.get(name) or all_commands().get(name)


def all_commands() -> dict[str, str]:
    """All commands with their modules."""
    return {name: module for group in groups().values() for name, (module, _) in group.items()}


@cache
def groups() -> dict[str, dict[str, tuple[str, str]]]:
    """All commands as `skywrite --help` groups them: module and line."""
    from skywrite.features import features

    by_title = {title: {name: (_HOMES[name], line) for name, (_, line) in own.items()} for title, own in GROUPS.items()}
    for row in features():
        for name, command in row.commands.items():
            by_title[command.group][name] = (row.path(command.module), command.summary)
    return by_title


def current_words(args: Sequence[str]) -> list[str]:
    """The arguments with today's name in place of an old one; of two old names that fit, the longer."""
    for count in (2, 1):
        if len(args) >= count and (name := OLD_NAMES.get(" ".join(args[:count]))):
            return [*name.split(), *args[count:]]
    return list(args)


class Noun(click.Group):
    """A group in which `skywrite feeds --json` is `skywrite feeds list --json`."""

    def with_list(self, args: Sequence[str]) -> list[str]:
        """The arguments, with `list` where a verb is missing."""
        place = next((place for place, arg in enumerate(args) if arg not in _OWN_FLAGS), len(args))
        following = args[place] if place < len(args) else "-"
        if LIST in self.commands and following.startswith("-") and following not in _OWN_ENDS:
            return [*args[:place], LIST, *args[place:]]
        return list(args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.with_list(args))
