"""What each page needs, and what becomes of its blocks: one table.

A block that is not named here is read as its language says. Whatever is named must be there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.docs import answering, calling, crossing, needs, serving
from tests.docs.blocks import Block, blocks
from tests.docs.readers import (
    COMPARED,
    RUN,
    How,
    after,
    before,
    console,
    parsed,
    printed,
    python,
    requests,
    saved,
    shell_syntax,
    shown,
    typed,
)
from tests.docs.world import FRIEND, HANDLE, NOW, World

LANGUAGES = {"sh": typed(), "bash": typed(), "python": python()}
NO_HTTPS = "The files must be at an https address of the standard port, which no test has."
Need = Callable[[World], None]


@dataclass(frozen=True)
class Page:
    """One page: who is on the network, what time it is, what was done before, and its blocks that are special."""

    handles: tuple[str, ...] = (HANDLE, FRIEND)
    # None: the computer's own time, where a server is one that nobody sets.
    now: datetime | None = NOW
    # Functions, and lines of a shell.
    needs: Sequence[Need | str] = ()
    # The first words of a block (and which of several that begin with them), and what becomes of it.
    blocks: Mapping[str | tuple[str, int], How] = field(default_factory=dict)


PAGES: dict[str, Page] = {
    "README.md": Page(
        needs=('skywrite accounts slots "mon-fri 9:00"',),
        blocks={
            "from skywrite import Client": after(python(), needs.posted("Posting via API.")),
            "script/test": parsed("It is the suite itself, and what takes longer than the suite.", needs.scripts),
        },
    ),
    "docs/architecture.md": Page(
        blocks={"features ": parsed("It is a picture of the layers, not a program.", needs.layers)},
    ),
    "docs/guide/a-bot-without-programming.md": Page(
        now=None,
        needs=(answering.signed_in,),
        blocks={
            '{\n  "origin"': saved("bot.json"),
            "#!/bin/sh": saved("weather.sh"),
            '{\n  "id"': How(COMPARED, answering.item),
            "import json": after(python(), answering.answers),
            "skywrite run": after(typed(), answering.asked),
        },
    ),
    "docs/guide/answer-the-replies.md": Page(
        needs=(needs.replies, "skywrite inbox --collect"),
    ),
    "docs/guide/answering-bot.md": Page(
        blocks={
            "from skywrite import": saved("weather/bot.py"),
            "from skywrite.sandbox": saved("weather/test_bot.py"),
            "$ skywrite answers try": console(),
        },
    ),
    "docs/guide/approve-what-a-bot-writes.md": Page(
        handles=("alice.example.com",),
        needs=(
            needs.signed_in,
            needs.drafts(11),
            'skywrite post "Our numbers for October are out" --at "thu 9:00"',
        ),
        blocks={
            "skywrite accounts set approval": after(typed(), "skywrite accounts set approval=all"),
            "$ skywrite approve\n": console(answers=["y"]),
            "skywrite approve 12 15": before(needs.waiting, typed(answers=["y"] * 20)),
            "Changed since": before(needs.approved_by_berta, shown("skywrite approve 12", answers=["n"], part=True)),
            "skywrite approve 12 --json": before(needs.digest, typed()),
        },
    ),
    "docs/guide/bots.md": Page(
        blocks={
            "from datetime": saved("bot.py"),
            "from pathlib": saved("test_bot.py", needs.bot_test),
            "skywrite login": after(typed(), needs.bot_posted),
        },
    ),
    "docs/guide/ci.md": Page(
        handles=(HANDLE, "alice.test"),
        now=None,
        needs=(needs.folder_of_posts, needs.clone),
        blocks={
            "- uses": How(RUN, needs.workflow_step),
            "*/15": How(RUN, needs.cron_line),
        },
    ),
    "docs/guide/cross-post.md": Page(
        handles=(HANDLE, "ap.brid.gy"),
        now=None,
        needs=(needs.signed_in, crossing.published, crossing.mastodon),
        blocks={
            "{": How(COMPARED, crossing.message),
            "import os": after(python(), crossing.crossed),
            "from skywrite": after(python(), crossing.followed),
            "const { createHmac": How(RUN, crossing.code_of_n8n),
        },
    ),
    "docs/guide/feeds.md": Page(
        needs=(needs.blogs,),
        blocks={"from skywrite": printed("A blog (3,)\nqueued TWO\nhttps://news.example/two")},
    ),
    "docs/guide/first-post.md": Page(needs=(needs.own_post,)),
    "docs/guide/folders.md": Page(
        needs=(needs.folder_of_posts,),
        blocks={
            "---\nat: 2030-01-05": saved("posts/harbour.md"),
            "---\nat: 2030-01-06": saved("posts/thread.md"),
            "posts/harbour.md:4": after(
                before(needs.broken_files, shown("skywrite sync posts --check", code=2)), needs.right_files
            ),
        },
    ),
    "docs/guide/follow-up-on-a-post-that-does-well.md": Page(
        needs=(
            needs.drafts(11),
            'skywrite post "Our story" --at "tomorrow 9:00"',
            'skywrite follow-ups add 12 --when "9 quotes" --repost',
        ),
    ),
    "docs/guide/from-the-atproto-sdk.md": Page(
        needs=(needs.named,),
        blocks={"from skywrite": after(printed("Welcome, Alice"), needs.posted("Posting from Python"))},
    ),
    "docs/guide/hear-when-something-goes-wrong.md": Page(
        needs=(needs.mail,), blocks={"skywrite notices add email": after(typed(), needs.mail_came)}
    ),
    "docs/guide/hooks.md": Page(
        now=None,
        needs=(needs.signed_in, serving.served, calling.secrets),
        blocks={
            "skywrite hooks add releases": after(typed(), calling.secret_printed),
            "{": saved("message.json"),
            "skywrite hooks edit": after(typed(), calling.a_release),
            'echo "$SHOP_SECRET"': after(typed(), calling.an_order),
            "skywrite hooks add articles": after(typed(), calling.an_article),
        },
    ),
    "docs/guide/http-api.md": Page(
        now=None,
        needs=(needs.signed_in, serving.served),
        blocks={
            "export": How(RUN, serving.exports),
            "import json": printed("2030-01-07T10:00:00.000Z"),
            "const call": How(RUN, serving.javascript),
            '{"name"': How(RUN, serving.import_body),
            '{\n  "type"': How(COMPARED, serving.not_editable),
        },
    ),
    "docs/guide/kinds-of-posts.md": Page(needs=(needs.friends_post, needs.own_post)),
    "docs/guide/laptop.md": Page(
        needs=(needs.system_manager,), blocks={"skywrite service": after(typed(), needs.unit_is_right)}
    ),
    "docs/guide/mcp.md": Page(
        now=None,
        needs=(needs.signed_in, serving.served, needs.drafts(11), 'skywrite post "Numbers" --at "tomorrow 9:00"'),
        blocks={
            "claude mcp add --transport": typed(),
            '{"servers": {"skywrite": {"type": "http", "url": "http://127.0.0.1:8080/mcp"}}}': How(
                RUN, serving.mcp_over_http
            ),
            '{"servers": {"skywrite": {"type": "http", "url": "http://127.0.0.1:8080/mcp", "headers"': How(
                RUN, serving.mcp_over_http
            ),
            "claude mcp add skywrite": typed(),
            '{"mcpServers"': How(RUN, serving.mcp_over_pipes),
            "skywrite approve": typed(answers=["y"]),
        },
    ),
    "docs/guide/page.md": Page(blocks={"pipx install": typed()}),
    "docs/guide/queue.md": Page(
        needs=(needs.foreign_table,),
        blocks={"  This is a table": shown("skywrite import buffer.csv --dry-run")},
    ),
    "docs/guide/receipts.md": Page(now=None, needs=(needs.reference_pds,)),
    "docs/questions.md": Page(
        needs=(needs.signed_in, needs.blogs),
        blocks={"$ skywrite feeds preview": console()},
    ),
    "docs/guide/repost-and-pin-at-a-time.md": Page(
        handles=(HANDLE, "friend.example.com"),
        now=None,
        needs=(needs.signed_in, serving.served, needs.drafts(11), 'skywrite post "Twelve"', needs.friends_post),
        blocks={"POST ": before(needs.another_repost, How(RUN, requests))},
    ),
    "docs/guide/reverse-proxies.md": Page(
        blocks={
            "skywrite serve": typed(),
            "posts.example.com {": parsed("Caddy is not installed here.", needs.braces),
            "server {": parsed("nginx is not installed here.", needs.braces),
            "docker run": typed(),
        },
    ),
    "docs/guide/rules.md": Page(needs=(needs.signed_in,)),
    "docs/guide/scripts.md": Page(
        needs=(needs.weather,),
        blocks={
            "echo": after(typed(), needs.posted("Backup of today: done")),
            "printf": after(typed(), needs.posted("First", "Second")),
        },
    ),
    "docs/guide/see-what-a-week-will-look-like.md": Page(
        needs=(
            'skywrite post "Our opening hours in winter"',
            'skywrite reposts add 1 --at "tomorrow 18:00" --undo-after 24h',
            "skywrite accounts set gap_seconds=600 approval=all",
            'skywrite post "Good morning! The doors open at 9:00 today." --at "tomorrow 9:00"',
            "skywrite approve 2 --confirm $(skywrite approve 2 --json | jq -r .digest)",
            """skywrite post "Today's soup: carrot and ginger." --at "tomorrow 9:00\"""",
            "skywrite approve 3 --confirm $(skywrite approve 3 --json | jq -r .digest)",
            'skywrite post "Our numbers for October are out" --at "tomorrow 14:00"',
        ),
    ),
    "docs/guide/see-what-became-of-your-posts.md": Page(
        needs=(needs.signed_in, "skywrite list"), blocks={"sqlite3": before(needs.postgres, typed())}
    ),
    "docs/guide/serve.md": Page(needs=(needs.signed_in,)),
    "docs/guide/server.md": Page(
        blocks={
            "pipx install": parsed("As root it would make a user and a service of this computer.", shell_syntax),
            "sudo": typed(),
            "script/deb": parsed("It would install a package on this computer.", shell_syntax),
            "docker build": typed(),
            "*/5": How(RUN, needs.cron_line),
        },
    ),
    "docs/guide/several-accounts.md": Page(
        handles=("alice.example.com", "news.example.com"),
        needs=(needs.no_account_given,),
        blocks={"account,at": saved("plan.csv", needs.both_rows)},
    ),
    "docs/guide/sign-in.md": Page(
        now=None,
        needs=(needs.reference_pds, needs.browser),
        blocks={
            "\u2713 Signed in": shown(),
            "skywrite accounts oauth check": parsed(NO_HTTPS, shell_syntax),
            ("skywrite login --oauth", 2): parsed(NO_HTTPS, shell_syntax),
            "from skywrite": before(needs.sign_in_by_hand, printed("Open https...\nalice.bsky.social []")),
        },
    ),
    "docs/guide/webhooks.md": Page(
        now=None,
        needs=(needs.signed_in, serving.served),
        blocks={
            "{": How(COMPARED, serving.event),
            "import base64": How(RUN, serving.receiver_in_python),
            "import { createHmac": How(RUN, serving.receiver_in_javascript),
            "<?php": parsed("PHP is not installed here; where it is, it is run.", serving.receiver_in_php),
        },
    ),
    "docs/operations.md": Page(
        # The worker beside it lives in a process of its own, which no page sets.
        now=None,
        needs=(needs.signed_in, needs.worker_alive),
        blocks={
            "pip install": before(needs.postgres_with_key, typed()),
            'export SKYWRITE_DATABASE="postgresql://skywrite@db.example.com/skywrite?': parsed(
                "No PostgreSQL of the tests has a certificate of that authority.", needs.database_address
            ),
            'export SKYWRITE_DATABASE="postgresql://skywrite@db1.example.com': parsed(
                "The tests of a standby start two servers of their own (tests/crash/test_failover.py).",
                needs.database_address,
            ),
            "-- what goes out today": How(RUN, needs.sql),
        },
    ),
    "docs/state-machine.md": Page(
        needs=('skywrite post "Soon" --at "in 2 hours"',),
        blocks={
            "stateDiagram": parsed("It is a picture of the states, not a program.", needs.states),
            "SELECT": How(RUN, needs.sql),
        },
    ),
}


def how(block: Block) -> How | None:
    """What becomes of a block; None: nobody said so."""
    ways = [way for start, way in PAGES.get(block.page, Page()).blocks.items() if is_named(block, start)]
    assert len(ways) <= 1, f"{block.name} is named {len(ways)} times"
    if ways:
        return ways[0]
    if block.language in ("text", "") and block.code.startswith("$ "):
        return console()
    return LANGUAGES.get(block.language)


def is_named(block: Block, start: str | tuple[str, int]) -> bool:
    """Whether these first words are those of the block."""
    if isinstance(start, str):
        return block.code.startswith(start)
    words, number = start
    alike = [one for one in blocks(block.page) if one.code.startswith(words)]
    return block in alike and alike.index(block) + 1 == number
