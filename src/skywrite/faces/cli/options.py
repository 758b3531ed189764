"""What commands share: the queue that is opened for them, the account, JSON, and all fields of a draft.

The names are those of the fields of a draft (`compose.draft`) and of the rows of `skywrite import`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from skywrite.core.digits import row_number
from skywrite.core.errors import InputError
from skywrite.faces.cli.completing import complete_accounts, complete_files
from skywrite.faces.cli.given import FILE, shell_words
from skywrite.faces.cli.terminal import can_ask

if TYPE_CHECKING:
    from skywrite.app import Skywrite

Command = TypeVar("Command", bound=Callable[..., Any])
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

STDIN_BYTES_MAX = 1_000_000


class RowNumber(click.ParamType[int]):
    """The number of a post, a recurrence or a command."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = row_number(value)
        if not number:
            self.fail(f"{value!r} is not the number of anything here: they are 1, 2, 3 and so on.", param, ctx)
        return number


class NumberOrLink(RowNumber):
    """The number of a post, or its link or at-uri, which stays a text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if is_link(str(value)) else super().convert(value, param, ctx)


def is_link(text: str) -> bool:
    """Whether a word is a link or an at-uri."""
    return text.startswith(("https://", "http://", "at://"))


class Whole(click.IntRange):
    """A whole number in a range."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            between = "" if self.max is None else f" from {self.min} to {self.max}"
            self.fail(f"{value!r} is not a whole number{between}.", param, ctx)


class Seconds(click.FloatRange):
    """A number of seconds."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)


ID = RowNumber()


# Common arguments of options that name an account.
A_HANDLE: Any = {"metavar": "HANDLE", "shell_complete": complete_accounts}


def json_option(command: Command) -> Command:
    """`--json`."""
    return click.option("--json", "-j", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def on_queue(command: Callable[Concatenate[Skywrite, Arguments], Result]) -> Callable[Arguments, Result]:
    """Decorator: the command gets the queue, which is opened before it and closed after it."""

    @wraps(command)
    def opened(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        from skywrite.app import Skywrite

        with Skywrite() as sky:
            return command(sky, *arguments, **options)

    return opened


def account_option(command: Command) -> Command:
    """`--account`."""
    return click.option(
        "--account",
        "-u",
        **A_HANDLE,
        help="The account to use. Default: your default account.",
    )(command)


def distinct_option(command: Command) -> Command:
    """`--distinct`."""
    return click.option(
        "--distinct",
        type=Whole(1, 1000),
        metavar="NUMBER",
        help="How many different texts of the grammar come before one of them is repeated.",
    )(command)


def text_options(command: Command) -> Command:
    """Where a text comes from."""
    for option in (
        click.option("--editor", is_flag=True, help="Write the text in your editor."),
        click.option("--file", "-f", "file", type=FILE, help="Read the text from a file."),
        click.argument("text", nargs=-1),
    ):
        command = option(command)
    return command


def draft_options(command: Command) -> Command:
    """Everything that a post can have besides its text."""
    for option in reversed(_DRAFT):
        command = option(command)
    return command


# What a post may have or lack; flags and choices have options that say the opposite.
_REMOVABLE = ("images", "video", "quote", "reply", "texts")
_A_FILE: Any = {"metavar": "FILE", "shell_complete": complete_files}
_DRAFT = (
    click.option(
        "--image",
        "-i",
        "images",
        multiple=True,
        metavar="FILE",
        shell_complete=complete_files,
        help="Add an image (a file or URL). Up to 10.",
    ),
    click.option(
        "--video",
        metavar="FILE",
        shell_complete=complete_files,
        help="Add a video (a file or URL). An animated GIF plays in a loop.",
    ),
    click.option(
        "--alt", "alts", multiple=True, metavar="TEXT", help="Describe the images and videos, in their order."
    ),
    click.option("--caption", "captions", multiple=True, metavar="LANG=FILE", help="Add subtitles (VTT or SRT)."),
    click.option("--require-alt", is_flag=True, help="Refuse images and videos without --alt."),
    click.option("--card", metavar="URL", help="Show a link card of this page. Default: the first link."),
    click.option("--no-card", is_flag=True, help="Show no link card."),
    click.option("--quote", metavar="LINK", help="Quote a post, feed, list or starter pack."),
    click.option("--quote-links", is_flag=True, help="Turn a bsky.app link at the end of the text into a quote."),
    click.option("--reply-to", metavar="LINK", help="Reply to a post (its bsky.app link or at-uri)."),
    click.option(
        "--replies",
        multiple=True,
        metavar="WHO",
        help="Limit who may reply: nobody, mentioned, followers, following, or the link of a list. Repeatable.",
    ),
    click.option("--no-quotes", is_flag=True, help="Turn off quotes of the post."),
    click.option(
        "--label", "labels", multiple=True, metavar="LABEL", help="Add a content label, such as graphic-media."
    ),
    click.option(
        "--lang", "langs", multiple=True, metavar="LANG", help="Set the language of the text, such as en, or auto."
    ),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="Add a hashtag that is not in the text."),
    click.option("--campaign", metavar="NAME", help="Label it for yourself, to list and count it by; not published."),
    click.option("--split", is_flag=True, help="Split a text that is too long for one post into a thread."),
    click.option(
        "--numbering",
        type=click.Choice(["none", "1/n", "thread"]),
        help="Number the posts of a split thread. Bluesky's app does so by itself.",
    ),
    click.option("--no-markdown", is_flag=True, help="Do not turn [label](https://...) into a link."),
    click.option("--no-shorten", is_flag=True, help="Do not shorten links."),
)


def read_text(text: tuple[str, ...], file: Path | None, editor: bool) -> str:
    """The text from arguments, `-` (standard input), a file or the editor; exactly one of them."""
    sources = [bool(text), file is not None, editor]
    if sum(sources) > 1:
        raise InputError("The text is given twice.", hint="Use one of: arguments, --file, --editor.")
    if file is not None:
        return _without_head(_decoded(read_file(file), str(file)), file)
    if editor:
        written = click.edit()
        if written is None:
            raise InputError("You saved nothing in the editor, so nothing is posted.", hint="Save the text, then quit.")
        return written.rstrip("\n")
    if text == ("-",):
        return _without_head(_decoded(read_stdin(STDIN_BYTES_MAX), "Standard input").rstrip("\n"), None)
    return " ".join(text)


def _without_head(text: str, file: Path | None) -> str:
    """The text, which has no front matter: its `at: ...` or `draft: yes` says what to do, and is not to be read."""
    from skywrite.posting.sources.frontmatter import has_named_head

    if not has_named_head(text):
        return text
    whole = shell_words([str(file)]) if file else "FILE"
    folder = shell_words([str(file.parent)]) if file else "FOLDER"
    raise InputError(
        f"{file or 'Standard input'} begins with front matter, which is not part of a text. Nothing was posted.",
        code="word.stray",
        hint=f"To post what it says, at its time: skywrite sync {folder}. "
        f'To post all of it as a text: skywrite post -- "$(cat {whole})"',
    )


def one_text(required: bool = True) -> Callable[[Any], Any]:
    """The argument TEXT of a command that takes one, where `-` is standard input."""
    return click.argument("text", required=required, callback=_from_dash)


def _from_dash(_context: click.Context, _param: click.Parameter, text: str | None) -> str | None:
    return read_text((text,), None, False) if text == "-" else text


def pool_of(path: Path) -> list[str]:
    """The texts of a pool file, used in turn. Raises InputError if there are none."""
    from skywrite.posting.compose.texts import split_parts

    pool = [text for text in split_parts(_decoded(read_file(path), str(path))) if text.strip()]
    if not pool:
        raise InputError(f"{path} contains no texts.", hint="Separate them by lines of ---.")
    return pool


def read_stdin(max_bytes: int) -> bytes:
    """All of standard input. Raises InputError if it is longer than `max_bytes`."""
    data = sys.stdin.buffer.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise InputError(
            f"Standard input is longer than {max_bytes // 1_000_000} MB.", hint="Give less, or use skywrite import."
        )
    return data


def read_file(path: Path) -> bytes:
    """The bytes of a file, up to the maximum for texts. Raises InputError."""
    from skywrite.core.errors import InputError

    try:
        with path.open("rb") as file:
            data = file.read(STDIN_BYTES_MAX + 1)
    except FileNotFoundError:
        raise InputError(
            f"There is no file {path}.", code="file.missing", hint="Check the name and the folder."
        ) from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.",
            code="file.unreadable",
            hint="Check what it is, and its permissions.",
        ) from None
    if len(data) > STDIN_BYTES_MAX:
        raise InputError(f"{path} is longer than {STDIN_BYTES_MAX // 1_000_000} MB.", hint="Is it the right file?")
    return data


def _decoded(data: bytes, what: str) -> str:
    from skywrite.core.errors import InputError

    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{what} is not UTF-8 text.", code="text.invalid", hint="Save it as UTF-8.") from None


def draft_row(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of a draft from the values of `draft_options`; only those that were given."""
    media = list(options["images"]) + ([options["video"]] if options["video"] else [])
    alts = _alts(media, list(options["alts"]), options["require_alt"])
    row: dict[str, Any] = {}
    if options["images"]:
        row["images"] = [{_kind(item): item, "alt": alt} for item, alt in zip(options["images"], alts, strict=False)]
    if options["video"]:
        captions = [_caption(text) for text in options["captions"]]
        row["video"] = {_kind(options["video"]): options["video"], "alt": alts[-1], "captions": captions}
    elif options["captions"]:
        raise InputError("Captions need a video.", hint="Give it with --video FILE.")
    row.update(_plain_fields(options))
    if options["quote_links"]:
        row["quote_links"] = True
    if options["split"] or options["numbering"]:
        row["split"] = True
    if options["card"] and options["no_card"]:
        raise InputError("--card and --no-card exclude each other.", hint="Leave one out.")
    if options["card"] or options["no_card"]:
        row["card"] = options["card"] or "none"
    return row


def removed_fields(names: Sequence[str], row: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that a post is to lose, with the value of a post that has none. `row` are those that it is to get.

    Raises InputError for what every post has, and for a field of both kinds.
    """
    from skywrite.posting.compose.draft import FIELDS

    known = {name: field for name, field in FIELDS.items() if field.is_offered and field.kind in _REMOVABLE}
    removed: dict[str, Any] = {}
    for typed in names:
        name = typed.replace("-", "_")
        name = name if name in known else f"{name}s"
        if name not in known:
            raise InputError(f"{typed!r} cannot be removed.", hint=f"Choose from: {', '.join(known)}.")
        if name in row:
            raise InputError(f"--without {typed} and another value exclude each other.", hint="Leave one out.")
        removed[name] = list(known[name].default) if known[name].default == () else None
    return removed


def _plain_fields(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of which the command line knows only the kind; the option of a flag is the opposite of its default."""
    from skywrite.posting.compose.draft import FIELDS

    for name, field in FIELDS.items():
        if field.kind == "flag":
            if options.get(f"no_{name}" if field.default else name):
                yield name, not field.default
        elif field.kind in ("text", "choice", "quote", "reply") and name != "text":
            if options.get(name):
                yield name, options[name]
        elif field.kind == "texts" and options.get(name):
            yield name, list(options[name])


def _kind(value: str) -> str:
    return "url" if value.startswith(("https://", "http://")) else "path"


def _alts(media: list[str], alts: list[str], required: bool) -> list[str]:
    if len(alts) > len(media):
        raise InputError(
            f"There are more alt texts ({len(alts)}) than images and videos ({len(media)}).",
            hint="Give one --alt for each.",
        )
    for item in media[len(alts) :]:
        if required:
            raise InputError(f"{item} has no alt text.", hint='Describe it with --alt "...".')
        alts.append(_ask_alt(item))
    return alts


def _ask_alt(item: str) -> str:
    # A file that is not there is said first; its description would be typed in vain.
    if not can_ask() or (_kind(item) == "path" and not Path(item).exists()):
        return ""
    answer = click.prompt(f"Alt text for {item} (empty for none)", default="", show_default=False, err=True)
    return str(answer)


def _caption(text: str) -> dict[str, str]:
    lang, mark, path = text.partition("=")
    if not mark:
        raise InputError(f"--caption {text}: the language is missing.", hint="Write it like --caption en=talk.vtt")
    return {"lang": lang, _kind(path): path}
