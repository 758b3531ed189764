"""thread: several posts, each a reply to the one before. preview: a post, or a thread, as it will appear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from skywrite.faces.cli.options import account_option, draft_options, draft_row, json_option, read_text, text_options
from skywrite.faces.cli.posting import check_not_empty, schedule_options, send
from skywrite.faces.cli.words import ManyTextsCommand, ThreadCommand
from skywrite.posting.compose.texts import split_parts, thread_draft


@click.command("thread", cls=ThreadCommand, epilog="Example: skywrite thread --file story.txt")
@text_options
@draft_options
@schedule_options
@account_option
@json_option
def thread_command(text: tuple[str, ...], file: Path | None, editor: bool, as_json: bool, **options: Any) -> None:
    """Post a thread: each TEXT is a post; a text that is too long becomes several.

    In a file, a line with nothing but --- begins the next post. Images, quote and card belong to the first one.
    """
    send(thread_row(text, file, editor, options), options, as_json)


def thread_row(text: tuple[str, ...], file: Path | None, editor: bool, options: dict[str, Any]) -> dict[str, Any]:
    """The draft of a thread."""
    texts = list(text) if len(text) > 1 else split_parts(read_text(text, file, editor))
    row = draft_row(options)
    check_not_empty({"text": "".join(texts), **row}, options)
    return thread_draft(texts, row)


@click.command(
    "preview", cls=ManyTextsCommand, epilog='Example: skywrite preview "See https://example.com/a/long/path #news"'
)
@text_options
@draft_options
@click.option("--thread", "as_thread", is_flag=True, help="Show it as `skywrite thread` would post it.")
@account_option
@json_option
def preview_command(
    text: tuple[str, ...], file: Path | None, editor: bool, as_thread: bool, as_json: bool, **options: Any
) -> None:
    """Show exactly what would appear: text, links, card, images, counts and warnings. Sends nothing."""
    from skywrite.faces.cli.posting import sky_about_to_send
    from skywrite.faces.cli.view import show_preview

    if as_thread or len(text) > 1:
        row = thread_row(text, file, editor, options)
    else:
        row = {"text": read_text(text, file, editor), **draft_row(options)}
    with sky_about_to_send() as sky:
        show_preview(sky.posts.preview(account=options["account"], **row), as_json)
