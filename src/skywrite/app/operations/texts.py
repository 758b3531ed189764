"""The operation for a composer at each keystroke: what a text becomes. Pure: nothing is looked up or stored."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from skywrite.app.operations.shapes import Input, OfAccount, Text
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import ErrorShape, Output
from skywrite.core.errors import InputError
from skywrite.posting.compose.build import render
from skywrite.posting.compose.draft import FIELDS, Draft, Markdown, Numbering, draft_from_dict
from skywrite.posting.compose.pieces import text_pieces
from skywrite.protocol.bsky.facets import RichText, utf8_length
from skywrite.protocol.bsky.graphemes import grapheme_length
from skywrite.protocol.bsky.limits import TEXT_BYTES_MAX, TEXT_GRAPHEMES_MAX

CHOICES = tuple(name for name, field in FIELDS.items() if field.is_setting)


class CheckText(Input):
    """A text as it is typed."""

    text: Annotated[Text, Meta(description="It may have Markdown, if the account or `markdown` says so.")] = ""
    account: OfAccount | None = None
    markdown: (
        Annotated[Markdown, Meta(description="Read [links](https://...); strip: drop other marks, too.")] | UnsetType
    ) = UNSET
    shorten: Annotated[bool, Meta(description="Show long links shortened.")] | UnsetType = UNSET
    split: Annotated[bool, Meta(description="Make a thread of a long text.")] = False
    numbering: Annotated[Numbering, Meta(description="How the posts of such a thread are numbered.")] = "none"


class FacetShape(Output):
    """A link, mention or hashtag: its position in the text, in UTF-8 bytes."""

    start: int
    end: int
    kind: str
    value: str


class TextShape(Output):
    """One post made from a text. `left`: how many characters are left; negative if it is too long."""

    text: str
    graphemes: int
    bytes: int
    left: int
    fits: bool
    facets: list[FacetShape]


class CheckedText(Output):
    """The posts made from a text; `error` says why it cannot be split. `pieces`: the text, cut into such posts."""

    posts: list[TextShape]
    pieces: list[str]
    most_graphemes: int
    most_bytes: int
    error: ErrorShape | None


@operation("POST /posts/text", scope="read")
def check_text(access: Access, request: CheckText) -> CheckedText:
    """Show what a text becomes, at each keystroke: nothing is looked up."""
    signed_in = request.account is not None or bool(access.all_accounts())
    settings = access.account(request.account).settings if signed_in else {}
    row: dict[str, Any] = {name: settings[name] for name in CHOICES if name in settings}
    row.update({name: value for name in CHOICES if (value := getattr(request, name)) is not UNSET})
    draft = draft_from_dict({**row, "text": request.text, "split": request.split, "numbering": request.numbering})
    error = None
    try:
        posts = render(draft)
    except InputError as problem:
        error = ErrorShape(problem.name, problem.code, problem.message, problem.hint)
        posts = render(_whole(draft))
    pieces = (
        text_pieces(request.text, partial(_fits, _whole(draft))) if request.split and error is None else [request.text]
    )
    return CheckedText([_shape(post) for post in posts], pieces, TEXT_GRAPHEMES_MAX, TEXT_BYTES_MAX, error)


def _fits(draft: Draft, text: str) -> bool:
    return all(_shape(post).fits for post in render(draft._replace(text=text)))


def _whole(draft: Draft) -> Draft:
    return draft._replace(split=False, numbering="none")


def _shape(rich: RichText) -> TextShape:
    graphemes, size = grapheme_length(rich.text), utf8_length(rich.text)
    facets = [FacetShape(facet.byte_start, facet.byte_end, facet.kind, facet.value) for facet in rich.facets]
    left = TEXT_GRAPHEMES_MAX - graphemes
    return TextShape(rich.text, graphemes, size, left, left >= 0 and size <= TEXT_BYTES_MAX, facets)
