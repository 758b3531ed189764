"""From a resolved draft to the records of a thread, without their time, keys and links to each other. Pure.

What lives here: texts rendered and split, embeds chosen, everything checked. What does not: I/O (`resolve`), keys and
CIDs (`freeze`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Self

from skywrite.core.errors import InputError, SkywriteError
from skywrite.posting.compose.draft import STRIP, Draft, Numbering
from skywrite.posting.compose.fields import Card, Media, Reply, Stored
from skywrite.protocol.atproto.cid import encode_record
from skywrite.protocol.atproto.repo import WRITES_MAX
from skywrite.protocol.atproto.syntax import Ref
from skywrite.protocol.bsky import embed, limits
from skywrite.protocol.bsky.gates import check_allow
from skywrite.protocol.bsky.post import check_post, post_record
from skywrite.protocol.bsky.richtext import (
    Facet,
    RichText,
    detect,
    facet_records,
    parse_markdown_links,
    shorten_links,
    tidy,
)

THREAD_POSTS_MAX = 100
# The addresses of Markdown links come on top, in place of words.
SOURCE_BYTES_MAX = THREAD_POSTS_MAX * limits.TEXT_BYTES_MAX


class PendingMention(NamedTuple):
    """A mention whose handle could not be looked up yet; byte offsets into the text of post number `post`."""

    post: int
    byte_start: int
    byte_end: int
    handle: str


class Prepared(NamedTuple):
    """Records without createdAt, in thread order, with what `freeze` needs. `blobs` are the media to upload first."""

    records: tuple[Mapping[str, Any], ...]
    pending: tuple[PendingMention, ...]
    replies: tuple[str, ...] | None
    quotes: bool
    blobs: tuple[Stored, ...]

    def to_dict(self) -> dict[str, Any]:
        """The form that the queue stores."""
        plain: dict[str, Any] = {"records": list(self.records)}
        if self.pending:
            plain["pending"] = [[item.post, item.byte_start, item.byte_end, item.handle] for item in self.pending]
        if self.replies is not None:
            plain["replies"] = list(self.replies)
        if not self.quotes:
            plain["quotes"] = False
        if self.blobs:
            plain["blobs"] = [[item.cid, item.mime, item.size] for item in self.blobs]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        replies = plain.get("replies")
        return cls(
            tuple(plain["records"]),
            tuple(PendingMention(*item) for item in plain.get("pending", ())),
            None if replies is None else tuple(replies),
            plain.get("quotes", True),
            tuple(Stored(*item) for item in plain.get("blobs", ())),
        )

    def writes(self) -> int:
        """How many records will be created: the posts and their gates."""
        return len(self.records) + (self.replies is not None) + (len(self.records) if not self.quotes else 0)


def render(part: Draft) -> Sequence[RichText]:
    """The texts that one draft becomes: one, or several if it asks to be split."""
    _check_size(part.text)
    limits.check_characters(part.text)
    text = tidy(part.text) if part.tidy else part.text
    if part.facets is not None:
        return [RichText(text, ())]
    return _rendered(text, part.markdown, part.shorten, part.mentions, part.numbering if part.split else None)


# Cached, because `resolve` and `build` render the same texts, one after the other.
@lru_cache(maxsize=64)
def _rendered(
    text: str, markdown: bool | str, shorten: bool, mentions: bool, split: Numbering | None
) -> tuple[RichText, ...]:
    if markdown == STRIP:
        from skywrite.protocol.bsky.marks import without_marks

        text = without_marks(text)
    rich = parse_markdown_links(text) if markdown else RichText(text, ())
    rich = detect(rich)
    if not mentions:
        rich = RichText(rich.text, tuple(facet for facet in rich.facets if facet.kind != "mention"))
    if shorten:
        rich = shorten_links(rich)
    if split is None:
        return (rich,)
    from skywrite.protocol.bsky.split import split_rich

    return tuple(split_rich(rich, split, posts_max=THREAD_POSTS_MAX))


def _check_size(text: str) -> None:
    """Refuse a text that is longer than all posts of a thread, before looking at its words takes seconds."""
    if len(text) > SOURCE_BYTES_MAX or len(text.encode("utf-8", "surrogatepass")) > SOURCE_BYTES_MAX:
        raise InputError(
            f"The text has {len(text)} characters, more than a whole thread can have.",
            code="text.too_long",
            hint=f"A thread has at most {THREAD_POSTS_MAX} posts of {limits.TEXT_GRAPHEMES_MAX} characters.",
        )


def check_amounts(draft: Draft) -> None:
    """Refuse what has too many parts, before each of them is looked up or fetched."""
    parts = draft.parts()
    _check_posts(len(parts))
    _check_size("".join(part.text for part in parts))
    for part in parts:
        if len(part.images) > limits.GALLERY_MAX:
            raise InputError(
                f"{len(part.images)} images are given; the maximum is {limits.GALLERY_MAX}.",
                code="images.too_many",
                hint="Put the others into the next post of a thread.",
            )
        if part.video is not None and len(part.video.captions) > limits.CAPTIONS_MAX:
            raise InputError(
                f"{len(part.video.captions)} captions are given; the maximum is {limits.CAPTIONS_MAX}.",
                code="captions.invalid",
                hint="Leave some out.",
            )


def _check_posts(count: int) -> None:
    if count > THREAD_POSTS_MAX:
        raise InputError(
            f"The thread has {count} posts; the maximum is {THREAD_POSTS_MAX}.", hint="Split it into several threads."
        )


def build(draft: Draft, dids: Mapping[str, str | None]) -> Prepared:
    """Make and check the records of a resolved draft.

    `dids` maps the handles of mentions to DIDs, or to None if the handle does not exist (it stays plain text). A handle
    that is absent stays pending. Raises InputError, which says which post of the thread it is about.
    """
    records: list[dict[str, Any]] = []
    pending: list[PendingMention] = []
    parts = draft.parts()
    for index, part in enumerate(parts):
        try:
            for record, mentions in _part_records(part, dids):
                if "embed" in record or part.facets is not None:
                    # These may hold what no record can; the texts that we make records of are checked.
                    encode_record(record)
                records.append(record)
                post = len(records) - 1
                pending += [PendingMention(post, one.byte_start, one.byte_end, one.value) for one in mentions]
        except SkywriteError as error:
            raise error.about(f"Post {index + 1} of {len(parts)}" if len(parts) > 1 else "") from None
    _check_posts(len(records))
    if draft.replies is not None:
        check_allow(draft.replies)
        if draft.reply_to is not None:
            raise InputError(
                "A reply cannot set who may reply. Only the first post of a conversation can.",
                hint="Leave replies out.",
            )
    if isinstance(draft.reply_to, Reply):
        records[0]["reply"] = _reply(draft.reply_to.root, draft.reply_to.parent)
        check_post(records[0])
    elif draft.reply_to is not None:
        raise InputError("The post to reply to has not been looked up.", code="draft.unresolved")
    prepared = Prepared(tuple(records), tuple(pending), draft.replies, draft.quotes, _blobs(parts))
    if prepared.writes() > WRITES_MAX:
        raise InputError(
            f"The thread and its gates are {prepared.writes()} records; the maximum is {WRITES_MAX}.",
            hint="Make it shorter, or allow quotes of its posts.",
        )
    return prepared


def _part_records(part: Draft, dids: Mapping[str, str | None]) -> list[tuple[dict[str, Any], list[Facet]]]:
    texts = render(part)
    holder = _card_holder(part, texts)
    done = []
    for index, rich in enumerate(texts):
        record = post_record(
            rich.text,
            facets=_facets(part, rich, dids),
            langs=part.langs,
            tags=part.tags if index == 0 else (),
            labels=part.labels,
            embed=_embed(part) if index == holder else None,
        )
        done.append((record, _pending(rich, dids)))
    return done


def _facets(part: Draft, rich: RichText, dids: Mapping[str, str | None]) -> list[dict[str, Any]]:
    if part.facets is not None:
        return [dict(facet) for facet in part.facets]
    return facet_records(rich.facets, {handle: did for handle, did in dids.items() if did})


def _pending(rich: RichText, dids: Mapping[str, str | None]) -> list[Facet]:
    return [facet for facet in rich.facets if facet.kind == "mention" and facet.value not in dids]


def _card_holder(part: Draft, texts: Sequence[RichText]) -> int:
    """Which of the texts carries the embed: the one with the card's link, else the first."""
    if isinstance(part.card, Card) and not (part.images or part.video or part.quote):
        for index, rich in enumerate(texts):
            if any(facet.kind == "link" and facet.value == part.card.url for facet in rich.facets):
                return index
    return 0


def _embed(part: Draft) -> dict[str, Any] | None:
    if part.embed is not None:
        if part.images or part.video or part.quote or isinstance(part.card, Card):
            raise InputError("A post has either a ready-made embed, or media, card and quote.", hint="Leave one out.")
        return dict(part.embed)
    check_mixture(part)
    media = _media_embed(part)
    if part.quote is None:
        return media
    if not isinstance(part.quote, Ref):
        raise InputError("The quoted post has not been looked up.", code="draft.unresolved")
    quote = embed.record(part.quote.as_dict())
    return embed.record_with_media(quote, media) if media else quote


def check_mixture(part: Draft) -> None:
    """Raise InputError for images together with a video, before reading any of them."""
    if part.images and part.video:
        raise InputError(
            f"{len(part.images)} images and a video cannot be in one post.",
            code="media.mixed",
            hint="Use a thread: one post for the images, one for the video.",
        )


def _media_embed(part: Draft) -> dict[str, Any] | None:
    if part.images:
        items = [
            embed.ImageItem(stored.blob(), image.alt, stored.width, stored.height)
            for image in part.images
            for stored in (_stored(image.media.stored),)
        ]
        return embed.images_or_gallery(items)
    if part.video:
        stored = _stored(part.video.media.stored)
        captions = [(caption.lang, _stored(caption.media.stored).blob()) for caption in part.video.captions]
        return embed.video(
            stored.blob(),
            alt=part.video.alt,
            width=stored.width,
            height=stored.height,
            captions=captions,
            gif=part.video.gif,
        )
    if isinstance(part.card, Card):
        card = part.card
        refs = [ref.as_dict() for ref in card.associated]
        thumb = _stored(card.thumb).blob() if card.thumb else None
        return embed.external(card.url, card.title, card.description, thumb=thumb, associated_refs=refs)
    return None


def _stored(stored: Stored | Media | None) -> Stored:
    if not isinstance(stored, Stored):
        raise InputError("The media have not been read.", code="draft.unresolved")
    return stored


def _reply(root: Ref, parent: Ref) -> dict[str, Any]:
    return {"root": root.as_dict(), "parent": parent.as_dict()}


def _blobs(parts: list[Draft]) -> tuple[Stored, ...]:
    by_cid: dict[str, Stored] = {}
    for part in parts:
        media = [image.media for image in part.images]
        if part.video:
            media += [part.video.media, *(caption.media for caption in part.video.captions)]
        stored = [item.stored for item in media if item.stored]
        if isinstance(part.card, Card) and part.card.thumb:
            stored.append(_stored(part.card.thumb))
        by_cid.update({item.cid: Stored(item.cid, item.mime, item.size) for item in stored})
    return tuple(by_cid.values())
