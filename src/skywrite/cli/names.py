"""The names of all commands: those that help lists, their old names, and the names that other programs use.

What lives here: tables. What does not: how a command is found by its name (`main`, `nouns`).
"""

from __future__ import annotations

from collections.abc import Sequence

# Each command: its module, and its line in `skywrite --help`.
GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Accounts": {
        "login": ("login", "Sign in to an account"),
        "logout": ("login", "Sign out of an account"),
        "accounts": ("accounts", "List accounts; change their settings, slots and OAuth client"),
    },
    "Write": {
        "post": ("posting", "Post a text, now or later"),
        "schedule": ("posting", "Post a text at a time"),
        "thread": ("thread", "Post a thread"),
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
        "delete": ("delete", "Delete a published post"),
        "undo": ("posts", "Undo the last change"),
    },
    "Automate": {
        "recurring": ("recurring", "List, show, edit or stop recurrences"),
        "reposts": ("reposts", "Repost, pin and unpin posts at a time"),
        "follow-ups": ("follow_ups", "Reply or repost once a post has 50 likes"),
        "feeds": ("feeds", "Post new items of feeds"),
        "commands": ("commands", "Run commands on a schedule; post their output"),
        "sync": ("sync", "Post a folder of Markdown files"),
    },
    "Follow": {
        "inbox": ("inbox", "Read and answer replies, mentions and quotes"),
        "stats": ("stats", "Show likes, reposts and replies of your posts"),
        "notices": ("notices", "Get a notice when something needs you"),
        "receipts": ("receipts", "Prove what was published, and check a proof"),
    },
    "Move data": {
        "import": ("moving", "Schedule many posts from a table"),
        "drafts": ("drafts", "Import drafts from the official app"),
        "export": ("moving", "Write scheduled posts to a file"),
        "backup": ("moving", "Back up the database"),
    },
    "Run and check": {
        "run": ("running", "Publish posts when they are due"),
        "serve": ("serve", "Serve the page, the HTTP API and MCP, with the worker"),
        "mcp": ("mcp", "Give an agent access to your queue, over MCP"),
        "service": ("service", "Install the worker as a service"),
        "keys": ("keys", "Manage API keys; encrypt your secrets with a new key"),
        "doctor": ("doctor", "Check everything that posting needs"),
        "rehearse": ("rehearse", "Show the coming days, and what a bad day would do to them"),
        "sandbox": ("sandbox", "Run a fake Bluesky server for tests"),
    },
    "Skywrite itself": {
        "help": ("help", "Show help"),
        "completion": ("completion", "Set up shell completion"),
        "version": ("help", "Show the version"),
    },
}
COMMANDS = {name: module for group in GROUPS.values() for name, (module, _) in group.items()}
# Old names, and the names that stand for them now. They work for ever, and nothing lists them.
OLD_NAMES = {
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
    "unpin": "reposts unpin",
    "use": "accounts use",
    "verify": "receipts verify",
    "whoami": "accounts show",
}
# What people type who know other programs, and the commands that do it; the empty one shows the status.
OTHER_COMMANDS = {
    "ls": ("list",),
    "posts": ("list",),
    "scheduled": ("list",),
    "send": ('post "Hello"',),
    "publish": ('post "Hello"',),
    "tweet": ('post "Hello"',),
    "skeet": ('post "Hello"',),
    "rm": ("cancel 12", "delete 12"),
    "remove": ("cancel 12", "delete 12"),
    "status": ("", "doctor"),
    "check": ("doctor",),
    "start": ("run", "service install"),
    "worker": ("run",),
    "daemon": ("service install",),
    "server": ("serve",),
    "web": ("serve",),
    "signin": ("login",),
    "auth": ("login",),
    "signout": ("logout",),
    "me": ("accounts show",),
    "settings": ("accounts set",),
    "config": ("accounts set",),
    "account": ("accounts",),
    "draft": ('post "Hello" --draft',),
    "watch": ('commands add "./weather.sh" --every "0 8 * * *"',),
    "rss": ("feeds add https://example.com/blog",),
}


def current_words(args: Sequence[str]) -> list[str]:
    """The arguments with today's name in place of an old one; of two old names that fit, the longer."""
    for count in (2, 1):
        if len(args) >= count and (name := OLD_NAMES.get(" ".join(args[:count]))):
            return [*name.split(), *args[count:]]
    return list(args)
