"""What the page about bots says of its example, beside that it runs (`test_blocks`)."""

from __future__ import annotations

from tests.docs.blocks import blocks

BOT_LINES_MAX = 20


def test_a_bot_in_twenty_lines() -> None:
    """The bot of the page has twenty lines of code at the most."""
    bot = next(block for block in blocks("docs/guide/bots.md") if block.language == "python")
    assert BOT_LINES_MAX >= len([line for line in bot.code.splitlines() if line.strip()])
