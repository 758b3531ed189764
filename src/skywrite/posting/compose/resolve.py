"""All the I/O that a draft needs: files, pages, handles, and the records that it replies to or quotes.

What lives here: the order of the work, and the rule that only problems which the writer must fix stop a draft: a dead
mention or a failing card is a warning. The result is a draft of stored media and known references, which `build` turns
into records without any I/O. What does not live here: fitting images (`media`), opening untrusted pages (`fetch`),
storing bytes (`queue`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from skywrite.core.errors import InputError, MissingExtra, Notice, RejectedError, SkywriteError, TemporaryError
from skywrite.posting.compose.build import check_amounts, check_mixture, render
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.fields import Card, Media, Reply
from skywrite.posting.compose.gated import quote_warnings, reply_warnings
from skywrite.posting.compose.images import Collector, gather_media
from skywrite.posting.compose.references import parse_reference
from skywrite.protocol.atproto.syntax import Ref
from skywrite.protocol.bsky.limits import check_text
from skywrite.protocol.bsky.richtext import RichText

if TYPE_CHECKING:
    from skywrite.protocol.fetch.fetch import Fetcher

THUMB_FILE_BYTES_MAX = 20_000_000
UNKNOWN_MENTION = "UnknownMention"
MENTION_PENDING = "MentionPending"
_LIST = "app.bsky.graph.list"
_QUOTABLE = (
    "app.bsky.feed.post",
    "app.bsky.feed.generator",
    _LIST,
    "app.bsky.graph.starterpack",
    "app.bsky.labeler.service",
)
_RULES = ("nobody", "mentioned", "followers", "following")
# A shorter text gets no language rather than a wrong one.
LETTERS_MIN = 12
SURE_MIN = 0.9


class DraftContext(NamedTuple):
    """What resolving a draft needs: functions, so that each interface brings its own account and tests bring fakes.

    `resolve_handle(handle) -> did` raises InputError for a handle that does not exist, and TemporaryError if the lookup
    fails. `get_record(at_uri) -> {"uri", "cid", "value"}`. `blob_limit() -> bytes` is the PDS's own limit; it applies
    to a video only if the video goes there directly (`videos_as_blobs`), not through a video service. `own_did` is the
    account's DID: its own gates do not restrict it.
    """

    resolve_handle: Callable[[str], str]
    get_record: Callable[[str], dict[str, Any]]
    fetcher: Callable[[], Fetcher] | None = None
    blob_limit: Callable[[], int | None] = lambda: None
    base: Path = Path()
    langs: tuple[str, ...] = ()
    require_alt: bool = False
    videos_as_blobs: bool = True
    own_did: str = ""


class ResolvedDraft:
    """A draft with nothing left to look up, the DIDs of its mentions, and the bytes of its media by CID.

    A handle that does not exist maps to None; a handle that could not be looked up yet is absent.
    """

    def __init__(self, draft: Draft, collector: Collector) -> None:
        self.draft = draft
        self.dids: dict[str, str | None] = {}
        self.media = collector.media
        self.stored = collector.stored
        self.warnings = collector.warnings


def resolve_draft(draft: Draft, around: DraftContext) -> ResolvedDraft:
    """Look everything up. Raises InputError for what the writer must fix, TemporaryError for what may work later."""
    check_amounts(draft)
    collector = Collector(
        around.fetcher, around.base, around.require_alt, around.blob_limit, videos_as_blobs=around.videos_as_blobs
    )
    done = ResolvedDraft(draft, collector)
    parts = draft.parts()
    resolved = [_gather_part(part, around, collector, done, _place(index, parts)) for index, part in enumerate(parts)]
    done.draft = resolved[0]
    if draft.thread or draft.reply_to is not None or draft.replies is not None:
        reply = _reply(draft.reply_to, around)
        if reply is not None and not isinstance(draft.reply_to, Reply):
            done.warnings += reply_warnings(reply.root.uri, around.get_record, around.own_did)
        done.draft = resolved[0]._replace(
            reply_to=reply,
            replies=_rules(draft.replies, around),
            thread=tuple(resolved[1:]),
        )
    return done


def _place(index: int, parts: list[Draft]) -> str:
    return f"Post {index + 1} of {len(parts)}" if len(parts) > 1 else ""


def _gather_part(part: Draft, around: DraftContext, collector: Collector, done: ResolvedDraft, place: str) -> Draft:
    try:
        texts = render(part)
        for text in texts:
            check_text(text.text, empty_allowed=True)
        check_mixture(part)
        _mentions(texts, around, done)
        quote = _quote(part.quote, around)
        if quote is not None and not isinstance(part.quote, Ref):
            done.warnings += quote_warnings(quote.uri, around.get_record, around.own_did)
        if part.images or part.video:
            part = gather_media(part, collector)
        langs, card = _langs(part, around), _card(part, texts, around, collector)
        if (quote, langs, card) == (part.quote, part.langs, part.card):
            return part
        return part._replace(quote=quote, langs=langs, card=card)
    except SkywriteError as error:
        raise error.about(place) from None


def _mentions(texts: Sequence[RichText], around: DraftContext, done: ResolvedDraft) -> None:
    handles = [facet.value for text in texts for facet in text.facets if facet.kind == "mention"]
    for handle in dict.fromkeys(handles):
        if handle in done.dids:
            continue
        try:
            done.dids[handle] = around.resolve_handle(handle)
        except InputError:
            done.dids[handle] = None
            done.warnings.append(Notice(UNKNOWN_MENTION, f"@{handle} does not exist: it stays plain text.", handle))
        except SkywriteError as error:
            text = (
                f"@{handle} could not be looked up yet ({error.message}). It is looked up again when the post goes out."
            )
            done.warnings.append(Notice(MENTION_PENDING, text, handle))


def _record(text: str, around: DraftContext) -> dict[str, Any]:
    authority, collection, rkey = parse_reference(text)
    did = authority if authority.startswith("did:") else around.resolve_handle(authority)
    uri = f"at://{did}/{collection}/{rkey}"
    try:
        return around.get_record(uri)
    except RejectedError as error:
        if error.server_error in ("RecordNotFound", "InvalidRequest", "NotFound"):
            raise InputError(
                f"{text} does not exist, or was deleted.", code="target.unknown", hint="Check the link."
            ) from None
        raise


def _quote(quote: str | Ref | None, around: DraftContext) -> Ref | None:
    if quote is None or isinstance(quote, Ref):
        return quote
    _, collection, _ = parse_reference(quote)
    if collection not in _QUOTABLE:
        raise InputError(f"{quote} cannot be quoted.", hint="Posts, feeds, lists and starter packs can.")
    record = _record(quote, around)
    return Ref(record["uri"], record["cid"])


def _reply(reply_to: str | Reply | None, around: DraftContext) -> Reply | None:
    if reply_to is None or isinstance(reply_to, Reply):
        return reply_to
    record = _record(reply_to, around)
    if "/app.bsky.feed.post/" not in record["uri"]:
        raise InputError(f"{reply_to} is not a post, so it cannot be replied to.", hint="Use the link of a post.")
    parent = Ref(record["uri"], record["cid"])
    return Reply(_root(record["value"]) or parent, parent)


def _root(value: Any) -> Ref | None:
    """The root of the conversation that a post is in, as far as its record, which is untrusted, is valid."""
    reply = value.get("reply") if isinstance(value, Mapping) else None
    root = reply.get("root") if isinstance(reply, Mapping) else None
    if isinstance(root, Mapping) and isinstance(root.get("uri"), str) and isinstance(root.get("cid"), str):
        return Ref(root["uri"], root["cid"])
    return None


def _rules(replies: tuple[str, ...] | None, around: DraftContext) -> tuple[str, ...] | None:
    if replies is None:
        return None
    return tuple(rule if rule in _RULES else _list_uri(rule, around) for rule in replies)


def _list_uri(text: str, around: DraftContext) -> str:
    try:
        authority, collection, rkey = parse_reference(text)
    except InputError:
        collection = ""
    if collection != _LIST:
        raise InputError(
            f"{text!r} does not say who may reply.",
            code="reply_rule.unknown",
            hint=f"Use {', '.join(_RULES)}, or the link of a list on bsky.app.",
        )
    did = authority if authority.startswith("did:") else around.resolve_handle(authority)
    return f"at://{did}/{collection}/{rkey}"


def _langs(part: Draft, around: DraftContext) -> tuple[str, ...]:
    langs = part.langs or around.langs
    if langs != ("auto",):
        return langs

    language = detect_language(part.text)
    return (language,) if language else ()


def _card(part: Draft, texts: Sequence[RichText], around: DraftContext, collector: Collector) -> str | Card:
    """The card, "none", or "auto" (or its address) if there is no card now: an edit may give it one."""
    if part.card == "none" or part.embed is not None:
        return part.card
    if part.card != "auto":
        url = part.card.url if isinstance(part.card, Card) else part.card
        if part.images or part.video:
            text = f"The card of {url} is left out: a post with images or a video has no card."
            collector.warnings.append(Notice("CardLeftOut", text, url))
            return url
        if isinstance(part.card, Card):
            return _with_thumb(part.card, collector)
        return _page_card(url, texts, around, collector, asked=True)
    links = [facet.value for text in texts for facet in text.facets if facet.kind == "link"]
    if not links or part.images or part.video or part.quote:
        return "auto"
    return _page_card(links[0], texts, around, collector, asked=False)


def _with_thumb(card: Card, collector: Collector) -> Card:
    """A card from the caller, with its image read and fitted."""
    if not isinstance(card.thumb, Media):
        return card
    return card._replace(thumb=collector.thumb(collector.read(card.thumb, THUMB_FILE_BYTES_MAX), card.url))


def _page_card(
    url: str, texts: Sequence[RichText], around: DraftContext, collector: Collector, *, asked: bool
) -> str | Card:
    """Fetch a card. A failing page never stops a post; only a forbidden address does, if the writer named it."""
    if around.fetcher is None:
        return "auto"
    from skywrite.protocol.fetch.card import fetch_card
    from skywrite.protocol.fetch.guard import REDIRECT_REFUSED, AddressRefused

    try:
        page = fetch_card(around.fetcher(), url)
    except SkywriteError as error:
        if asked and isinstance(error, AddressRefused) and error.code != REDIRECT_REFUSED:
            raise
        linked = any(facet.value == url for text in texts for facet in text.facets if facet.kind == "link")
        text = f"No card for {url}: {error.message}"
        if not asked or linked:
            collector.warnings.append(Notice("NoCard", text, url))
            return url if asked else "auto"
        # Without a card, readers could not open the page at all.
        collector.warnings.append(Notice("CardIncomplete", f"{text} The card shows only the address.", url))
        return Card(url, title=url)
    collector.warnings.extend(Notice("CardIncomplete", text, url) for text in page.warnings)
    thumb = collector.thumb(page.image, url) if page.image else None
    return Card(page.uri, page.title, page.description, thumb, _associated(page.associated_uris, around, collector))


def _associated(uris: tuple[str, ...], around: DraftContext, collector: Collector) -> tuple[Ref, ...]:
    refs = []
    for uri in uris:
        try:
            record = around.get_record(uri)
            refs.append(Ref(record["uri"], record["cid"]))
        except (TemporaryError, RejectedError, InputError):
            text = f"The card's document {uri} could not be read, so it is left out."
            collector.warnings.append(Notice("DocumentLeftOut", text, uri))
    return tuple(refs)


def late_mentions(
    handles: Iterable[str], resolved: ResolvedDraft, resolve_handle: Callable[[str], str]
) -> dict[str, str | None]:
    """Look up pending mentions once more, for a post that no queue could send later; one that does not exist is text.

    Raises TemporaryError, so that nothing is sent.
    """
    dids: dict[str, str | None] = {}
    for handle in handles:
        stale = (MENTION_PENDING, handle)
        resolved.warnings[:] = [one for one in resolved.warnings if (one.name, one.about) != stale]
        try:
            dids[handle] = resolve_handle(handle)
        except InputError:
            text = f"@{handle} does not exist: it stays plain text."
            resolved.warnings.append(Notice(UNKNOWN_MENTION, text, handle))
        except TemporaryError as error:
            raise TemporaryError(
                f"@{handle} could not be looked up, so nothing was sent: {error.message}",
                hint="Try again, or write it without the @.",
            ) from None
    return dids


@cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise MissingExtra("Guessing the language needs an optional part.", extra="langs") from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def detect_language(text: str) -> str | None:
    """The two-letter language of a text; None if the model is not sure."""
    words = " ".join(word for word in text.split() if not word.startswith(("http://", "https://", "@", "#")))
    if sum(character.isalpha() for character in words) < LETTERS_MIN:
        return None
    lang, sure = _identifier().classify(words)
    return str(lang) if sure >= SURE_MIN else None
