"""Operations on snippets: texts that are used again, and signatures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from skywrite.app.context import Context
from skywrite.app.operations.shapes import ById, Input, Ok, OnlyOfAccount, Word
from skywrite.app.operations.table import Access, operation, touched_by
from skywrite.app.shapes.base import Output
from skywrite.features.snippets.service import CHARACTERS_MAX
from skywrite.features.snippets.store import Snippet, unknown_snippet
from skywrite.protocol.bsky.graphemes import grapheme_length


class AddSnippet(Input, kw_only=True):
    """A new snippet. Without an account it is for all of them; a signature is for one."""

    name: Annotated[Word, Meta(description="What one types to insert it, after a semicolon.")]
    text: Annotated[str, Meta(max_length=CHARACTERS_MAX, description="The words.")]
    account: Annotated[Word, Meta(description="A handle or DID: only for this account.")] | None = None
    signature: Annotated[bool, Meta(description="New posts that are written for the account end with it.")] = False


class ListSnippets(Input):
    """Which snippets."""

    account: OnlyOfAccount | None = None


class SnippetShape(Output):
    """A text that is used again. `graphemes`: its length as the network counts it."""

    id: int
    name: str
    account: str | None
    text: str
    graphemes: int
    signature: bool
    created_at: datetime


class SnippetList(Output):
    """Snippets."""

    snippets: list[SnippetShape]


@operation("POST /snippets", scope="draft", created=True)
def add(access: Access, request: AddSnippet) -> SnippetShape:
    """Keep a text to use again; nothing is posted."""
    is_of_one = request.account is not None or request.signature or access.accounts is not None
    did = access.account(request.account).did if is_of_one else None
    snippet = access.sky.snippets.add(request.name, request.text, account=did, signature=request.signature)
    return snippet_shape(access.sky.context, snippet)


@operation("GET /snippets", scope="read")
def list_snippets(access: Access, request: ListSnippets) -> SnippetList:
    """List the texts that are kept."""
    did = None if request.account is None else access.account(request.account).did
    seen = [one for one in access.sky.snippets.list(did) if access.covers(touched_by(one.account_did))]
    return SnippetList([snippet_shape(access.sky.context, one) for one in seen])


@operation("GET /snippets/{id}", scope="read")
def get(access: Access, request: ById) -> SnippetShape:
    """Show a text that is kept."""
    return snippet_shape(access.sky.context, _seen(access, request.id))


@operation("DELETE /snippets/{id}", scope="draft")
def remove(access: Access, request: ById) -> Ok:
    """Remove a text that is kept; posts stay as they are."""
    _seen(access, request.id)
    access.sky.snippets.remove(request.id)
    return Ok()


def snippet_shape(ctx: Context, one: Snippet) -> SnippetShape:
    """A snippet as JSON."""
    handle = None if one.account_did is None else ctx.store.accounts.get(one.account_did).handle
    return SnippetShape(one.id, one.name, handle, one.text, grapheme_length(one.text), one.signs, one.created_at)


def _seen(access: Access, snippet_id: int) -> Snippet:
    snippet = access.sky.snippets.get(snippet_id)
    return access.seen(snippet, touched_by(snippet.account_did), unknown_snippet(snippet_id))
