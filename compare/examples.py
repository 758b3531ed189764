"""What is asked of each command: ordinary arguments, with the names of the filled world as %name%.

What lives here: the table. What does not: running it (`commands`), and what the names are (`world`). Names of commands
that a version lacks are left out when it is recorded; a command that is missing here is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Example(NamedTuple):
    """One call: its arguments as in a shell, standard input, what ends a command that would not end, and variables."""

    words: str
    given: str = ""
    until: str | None = None
    environ: Mapping[str, str] = {}


AGENT = """{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18",\
 "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}
{"jsonrpc": "2.0", "method": "notifications/initialized"}
"""
BY_VARIABLES = {"BLUESKY_HANDLE": "alice.test", "BLUESKY_APP_PASSWORD": "%alices-password%"}
MORE_MEDIA = "--image sun.png --alt Sun --label nudity --lang de --tag bread --replies followers --no-quotes"
# A command that is asked for nothing but itself is there with an empty text.
COMMANDS: dict[str, tuple[str | Example, ...]] = {
    "": ("", "--version", "-V", "no-such-command", "--no-such-option"),
    "accounts": ("",),
    "accounts list": ("",),
    "accounts oauth": ("",),
    "accounts oauth check": ("",),
    "accounts oauth init": (
        "https://other.example --folder site --public",
        "https://third.example --folder site --name Third",
        "https://me.example",
        "ftp://me.example",
    ),
    "accounts oauth rotate": ("--folder site",),
    "accounts oauth use": ("loopback", "https://me.example", "https://none.example"),
    "accounts set": ("", "--account bob.test", "langs=de,en gap_seconds=300", "zone=", "zone=Nowhere", "nothing=1"),
    "accounts show": ("", "--account bob.test"),
    "accounts slots": ("", "'mon-fri 9:00,17:30; sat 11:00'", "--clear", "nonsense"),
    "accounts use": ("bob.test", "nobody.test"),
    "approve": (
        "",
        "%waiting% --confirm %digest%",
        "%waiting% --confirm wrong --by Ann",
        "recurring:%waiting-recurring%",
        "--account bob.test",
    ),
    "backup": ("copy.db",),
    "cancel": ("%scheduled%", "%scheduled% %held%", "--source import --yes", "%published%", "999", ""),
    "commands": ("",),
    "commands add": (
        '"echo Hello" --every "0 8 * * *"',
        '"echo 1" --every "weekdays 9:00" --zone UTC --jsonl',
        '"true" --every never',
    ),
    "commands list": ("",),
    "commands remove": ("%command%", "999"),
    "commands run": ("%command%", "%command% --post", "999"),
    "completion": ("bash", "zsh", "fish", "tcsh"),
    "delete": ("%published%", "%uri%", "%scheduled%", "999"),
    "doctor": ("", "--run", "--account bob.test"),
    "drafts": ("",),
    "drafts pull": ("",),
    "edit": (
        "%scheduled% 'A new text'",
        "%draft% --at 'fri 9:00'",
        f"%scheduled% {MORE_MEDIA}",
        "%published% No",
        "999 No",
    ),
    "export": ("", "--media media", "--media media --output out.jsonl", "--account bob.test"),
    "feeds": ("",),
    "feeds add": (
        "%web%/other.xml --backfill 1",
        "%web%/ --template '{{ title }}'",
        "%web%/feeds.opml --yes",
        "%web%/broken.xml",
        "%web%/none",
    ),
    "feeds check": ("", "%feed%", "999"),
    "feeds edit": ("%feed% --every 2h --include weather", "%feed% --label nudity --most 3", "999 --every 2h"),
    "feeds export": ("", "--output feeds.opml"),
    "feeds list": ("",),
    "feeds preview": ("%web%/feed.xml --limit 2", "%feed% --template '{{ title }} {{ link }}'", "%web%/none"),
    "feeds remove": ("%feed%", "999"),
    "follow-ups": ("",),
    "follow-ups add": (
        "%published% --when '5 replies' --reply Thanks",
        "%published% --when soon --reply No",
        "%scheduled% --when '5 likes' --repost --undo-after 2h",
    ),
    "follow-ups cancel": ("%follow-up%", "999"),
    "follow-ups list": ("",),
    "help": ("", "post", "feeds add", "feed add", "no such"),
    "hold": ("%scheduled%", "%published%", "999"),
    "hooks": ("",),
    "hooks add": (
        "shop --kind shopify --template '{{ name }}' --publish --tag shop",
        Example("other --kind standard --template '{{ x }}' --secret-stdin", "too short\n"),
        "%hook-name% --kind github --template '{{ x }}'",
        "wrong --kind none --template '{{ x }}'",
        "wrong --kind github --template '{{ x'",
    ),
    "hooks edit": ("%hook-name% --publish", "%hook-name% --template '{% set x = 1 %}'", "nobody --draft"),
    "hooks list": ("",),
    "hooks remove": ("%hook-name%", "nobody"),
    "hooks secret": (
        Example("%hook-name% --secret-stdin", "a secret that is long enough\n"),
        "%hook-name%",
        "nobody",
    ),
    "hooks test": (
        Example("%hook-name% -", '{"release": {"name": "Kite 2.0"}}'),
        Example("%hook-name% -", "{}"),
        Example("%hook-name% -", "no json"),
    ),
    "import": (
        "plan.csv",
        "plan.csv --dry-run",
        "wrong.csv",
        "wrong.csv --partial",
        "buffer.csv --dry-run",
        "rows.jsonl",
        "none.csv",
    ),
    "inbox": ("",),
    "inbox answer": ("%item-1% 'Yes, until noon'", "%item-1% Later --at 'fri 9:00'", "999 No"),
    "inbox done": ("%item-1% %item-2%", "999"),
    "inbox list": ("", "--all", "--collect", "--account bob.test"),
    "inbox snooze": ("%item-1% 'in 2 hours'", "%item-1% someday", "999 tomorrow"),
    "keys": ("",),
    "keys add": (
        "--name robot",
        "--name 'for bob' --scope publish --account bob.test --until 2026-12-01",
        "--name x --scope all",
    ),
    "keys list": ("",),
    "keys revoke": ("%reader%", "999"),
    "keys rotate-encryption": ("", Example("--new-key-stdin", "a new key that is long enough to be one\n")),
    "list": (
        "",
        "--limit 2",
        "--state held",
        "--account bob.test",
        "--account nobody.test",
        "--past",
        "--past --limit 2",
        "--past --state cancelled",
    ),
    "login": (
        Example("bob.test --app-password-stdin", "%bobs-password%\n"),
        Example("bob.test --app-password-stdin", "wrong-pass-word-here\n"),
        Example("nobody.test --app-password-stdin", "x\n"),
    ),
    "logout": ("bob.test", "dave.test --forget --yes", "bob.test --forget --yes", "nobody.test"),
    "mcp": ("", Example("", AGENT, environ={"SKYWRITE_API_KEY": "%drafter-secret%"})),
    "move": (
        "%scheduled% 'sat 9:00'",
        "%scheduled% yesterday",
        "%scheduled% 03/04/2026",
        "%published% 'sat 9:00'",
        "999 'sat 9:00'",
    ),
    "notices": ("",),
    "notices add": ("",),
    "notices add command": ("true", "true --kind post.held --quiet 23:00-6:00", "true --kind nothing"),
    "notices add email": ("ann@x.example --from bot@x.example --server smtp.x.example", "ann --from bot --server s"),
    "notices list": ("",),
    "notices remove": ("%notice%", "999"),
    "notices test": ("%notice%", "999"),
    "post": (
        "Hello",
        f"'Hello @bob.test' {MORE_MEDIA}",
        "'Look at %web%/news/1' --card %web%/",
        "'With a quote' --quote %uri% --no-card",
        "'A reply' --reply-to %uri%",
        "'Again' --reply-last",
        "Later --at 'fri 9:00'",
        "Later --at 'fri 9:00' --key weekend",
        "Later --at '2026-03-29 02:30 Europe/Berlin'",
        "Later --at 'in 2 hours' --jitter 15m --late skip:30m --account bob.test",
        "Daily --every 'weekdays 9:00' --until 2026-06-01 --zone UTC",
        "--every '0 8 * * *' --pool pool.txt",
        "Draft --draft",
        "Slot --next-slot",
        "Dry --dry-run --at 'fri 9:00'",
        "Once --stateless --key once",
        Example("Once --stateless --key once --at '2026-03-18 09:00 UTC'", environ=BY_VARIABLES),
        "--jsonl rows.jsonl",
        "--file text.txt",
        Example("-", "From standard input\n"),
        "--file story.txt",
        "--file story.txt --split",
        "Late --at '03/04/2026'",
        "No --at gibberish",
        "No --account nobody.test",
        "No --image none.png",
        "",
    ),
    "preview": ("'Hello @bob.test #news %web%/news/1'", "--file story.txt --thread", f"Hi {MORE_MEDIA}", "''"),
    "receipts": ("",),
    "receipts save": ("%published%", "%uri% -o post.json", "%scheduled%", "999"),
    "receipts verify": ("none.json",),
    "recurring": ("", "--account bob.test"),
    "recurring edit": (
        "%recurring% 'It is Friday at last'",
        "%recurring% --every 'mondays 9:00' --jitter 5m",
        "999 No",
    ),
    "recurring list": ("", "--account bob.test"),
    "recurring move": ("%recurring% 2026-03-27 '2026-03-27 16:00'", "%recurring% 2026-03-28 '2026-03-28 16:00'"),
    "recurring show": ("%recurring%", "%pooled%", "999"),
    "recurring skip": ("%recurring% 2026-03-27", "%recurring% 2026-03-28"),
    "recurring stop": ("%recurring%", "999"),
    "rehearse": ("--until 'sat'", "--until 'sat' --outage 'fri 10:00-18:00' --account alice.test", "--until yesterday"),
    "reject": ("%waiting% --note 'Not yet' --by Ann", "%scheduled%", "999"),
    "release": ("%held%", "%late%", "%published%", "999"),
    "reposts": ("",),
    "reposts add": (
        "%published%",
        "%published% --at 'fri 9:00' --undo-after 2h --key again",
        "%uri% --every 'mondays 9:00'",
        "999",
    ),
    "reposts cancel": ("%repost%", "999"),
    "reposts list": ("",),
    "reposts pin": ("%published%", "%published% --at 'fri 9:00' --undo-after 2h", "999"),
    "reposts unpin": ("%published%", "%published% --at 'fri 9:00'"),
    "retry": ("%failed%", "%late%", "%published%", "999"),
    "run": (
        "--once",
        "--once --log json",
        "--once --log none --commands",
        Example("--log json", until="started", environ={"SKYWRITE_DATABASE": "empty.db"}),
        "--app none:nothing",
    ),
    "sandbox": (Example("", until="skywrite login"), Example("--json", until="plc")),
    "schedule": ("Later --at 'fri 9:00'", "Daily --every 'weekdays 9:00' --zone UTC", "Slot --next-slot", "Now"),
    "serve": (
        Example("--port 0 --no-worker", until="Sign in"),
        Example("--port 0 --no-worker --json", until="sign_in_url"),
        "--host 0.0.0.0 --port 0",
        "--port 99999",
    ),
    "service": ("",),
    "service install": ("--print", "--print --serve"),
    "service remove": ("",),
    "service status": ("",),
    "show": ("%published%", "%scheduled%", "%late%", "%draft%", "%waiting%", "%thread%", "%failed%", "999", "x"),
    "stats": ("", "--by hour --after 24", "--by weekday --since 2026-03-01", "--csv", "--by nothing"),
    "sync": (
        "posts",
        "posts --check",
        "wrong --check",
        "wrong",
        "posts --stateless --zone UTC",
        Example("posts --stateless --zone UTC", environ=BY_VARIABLES),
        "none",
        "posts --no-prune --mark",
    ),
    "thread": (
        "--file story.txt --split",
        "--file story.txt --split --at 'fri 9:00' --numbering thread",
        Example("", "One\n---\nTwo\n"),
    ),
    "undo": ("",),
    "version": ("",),
}
# Old names, which work for ever, and those that stand for them; in versions before, they are the only ones.
OLD_NAMES = {
    "command": "commands",
    "feed": "feeds",
    "follow-up": "follow-ups add",
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
COMMANDS |= {
    "history": ("", "--limit 2", "--state cancelled", "--account bob.test"),
    **{
        f"{old}{path.removeprefix(new)}": examples
        for old, new in OLD_NAMES.items()
        for path, examples in COMMANDS.items()
        if path == new or path.startswith(f"{new} ")
    },
}
