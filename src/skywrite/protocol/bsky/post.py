"""Posts as records, and the check of a whole record before it leaves.

What lives here: `post_record` builds an app.bsky.feed.post, `check_post` finds what the server would refuse, and what
it would accept although no app can show it (facets beyond the text). What does not: finding replies, reading media.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from skywrite.core.errors import InputError
from skywrite.protocol.bsky import limits
from skywrite.protocol.bsky.embed import check_embed, strong_ref

SELF_LABELS = "com.atproto.label.defs#selfLabels"
FACET = "app.bsky.richtext.facet"
# Whether something is a dict is found out much faster, and hardly anything else is a mapping.
_OBJECT = (dict, Mapping)


def post_record(
    text: str,
    *,
    created_at: datetime | str | None = None,
    facets: Sequence[Mapping[str, Any]] = (),
    langs: Sequence[str] = (),
    tags: Sequence[str] = (),
    labels: Sequence[str] = (),
    embed: Mapping[str, Any] | None = None,
    reply: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build an app.bsky.feed.post with the given fields, leaving out those that are not given.

    `facets` are records (`richtext.facet_records`). Without `created_at` the record has no createdAt; it is added when
    the post is sent. `reply` has root and parent, each with uri and cid. Raises what `check_post` raises.
    """
    record: dict[str, Any] = {"$type": limits.POST, "text": text}
    if facets:
        record["facets"] = [dict(facet) for facet in facets]
    if reply is not None:
        record["reply"] = {"root": strong_ref(reply["root"]), "parent": strong_ref(reply["parent"])}
    if embed is not None:
        record["embed"] = dict(embed)
    if langs:
        record["langs"] = limits.check_langs(langs)
    if labels:
        record["labels"] = {"$type": SELF_LABELS, "values": [{"val": label} for label in limits.check_labels(labels)]}
    if tags:
        record["tags"] = limits.check_tags(tags)
    if created_at is not None:
        record["createdAt"] = limits.check_time(created_at)
    check_post(record)
    return record


def check_post(record: Mapping[str, Any], *, stamped: bool = False) -> None:
    """Raise InputError if the server would refuse a post, or if its facets do not fit its text.

    With `stamped`, createdAt is required; otherwise it may be absent. If present, it must be valid.
    """
    if record.get("$type") != limits.POST:
        raise InputError(
            f"{record.get('$type')!r} is not a post.", code="record.malformed", hint=f"Its $type must be {limits.POST}."
        )
    text = record.get("text")
    if not isinstance(text, str):
        raise InputError(
            "The post's text is missing.", code="record.malformed", hint='Add a text; with an embed it may be "".'
        )
    limits.check_text(text, empty_allowed="embed" in record)
    if stamped or "createdAt" in record:
        limits.check_time(record.get("createdAt"))
    check_facets(text, record.get("facets", ()))
    if "embed" in record:
        check_embed(record["embed"])
    if "reply" in record:
        _check_reply(record["reply"])
    _check_lists(record)


def check_facets(text: str, facets: Sequence[Mapping[str, Any]]) -> None:
    """Raise InputError unless the facets cover whole characters of the text, in order, without overlaps.

    The server does not check this: a misplaced facet shows nothing, or puts a link on the wrong words.
    """
    data, done = text.encode(), 0
    is_ascii = len(data) == len(text)
    for number, facet in enumerate(facets, 1):
        start, end = _range(facet, number)
        if end > len(data):
            raise InputError(
                f"Facet {number} ends at byte {end}, but the text has {len(data)}.",
                code="facet.invalid",
                hint="Count bytes of UTF-8.",
            )
        if start >= end:
            raise InputError(
                f"Facet {number} covers nothing (bytes {start} to {end}).",
                code="facet.invalid",
                hint="Its end is exclusive.",
            )
        if not is_ascii and any(place < len(data) and data[place] & 0xC0 == 0x80 for place in (start, end)):
            raise InputError(
                f"Facet {number} cuts a character (bytes {start} to {end}).",
                code="facet.invalid",
                hint="Count bytes of UTF-8.",
            )
        if start < done:
            raise InputError(
                f"Facet {number} begins at byte {start}, before the previous one ends.",
                code="facet.invalid",
                hint="Sort facets by byteStart and leave out those that overlap.",
            )
        done = end
        _check_features(facet, number)


def _range(facet: object, number: int) -> tuple[int, int]:
    index = facet.get("index") if isinstance(facet, _OBJECT) else None
    start, end = (index.get("byteStart"), index.get("byteEnd")) if isinstance(index, _OBJECT) else (None, None)
    # Not isinstance: True and False are no numbers here.
    if type(start) is int and type(end) is int and start >= 0 and end >= 0:
        return start, end
    raise InputError(
        f"Facet {number} has no range.",
        code="facet.invalid",
        hint="Its index needs byteStart and byteEnd, whole numbers from 0 upwards.",
    )


def _check_features(facet: Mapping[str, Any], number: int) -> None:
    features = facet.get("features")
    if not isinstance(features, list | tuple) or not features:
        raise InputError(
            f"Facet {number} has no features.", code="facet.invalid", hint="Add a mention, a link or a tag."
        )
    for feature in features:
        if not isinstance(feature, _OBJECT) or not isinstance(feature.get("$type"), str):
            raise InputError(
                f"Facet {number} has a feature without $type.", code="facet.invalid", hint=f"Such as {FACET}#link."
            )
        _check_feature(feature, number)


def _check_feature(feature: Mapping[str, Any], number: int) -> None:
    kind = feature["$type"]
    if kind == f"{FACET}#mention":
        from skywrite.protocol.atproto.syntax import Did, InvalidSyntax

        try:
            Did(feature.get("did", ""))
        except InvalidSyntax as error:
            raise InputError(
                f"Facet {number}: {error.message}", code="facet.invalid", hint="A mention needs a DID, not a handle."
            ) from None
    elif kind == f"{FACET}#link" and not limits.is_uri(feature.get("uri")):
        raise InputError(
            f"Facet {number}: {feature.get('uri')!r} is not a URL.",
            code="facet.invalid",
            hint="Use the full URL, with https://.",
        )
    elif kind == f"{FACET}#tag":
        try:
            limits.check_tag(feature.get("tag"))
        except InputError as error:
            raise InputError(f"Facet {number}: {error.message}", code="facet.invalid", hint=error.hint) from None


def _check_reply(reply: object) -> None:
    if not isinstance(reply, _OBJECT) or not all(isinstance(reply.get(end), _OBJECT) for end in ("root", "parent")):
        raise InputError(
            "The reply lacks its root or its parent.",
            code="reference.invalid",
            hint="Pass both, each with uri and cid.",
        )
    strong_ref(reply["root"])
    strong_ref(reply["parent"])


def _check_lists(record: Mapping[str, Any]) -> None:
    if not any(name in record for name in ("langs", "tags", "labels")):
        return
    limits.check_langs(record.get("langs", ()), exact=True)
    limits.check_tags(record.get("tags", ()))
    labels = record.get("labels")
    values = labels.get("values") if isinstance(labels, _OBJECT) else () if labels is None else None
    if not isinstance(values, list | tuple) or not all(isinstance(item, _OBJECT) for item in values):
        raise InputError(
            "The post's labels are not self-labels.", code="record.malformed", hint=f"Their $type is {SELF_LABELS}."
        )
    limits.check_labels([item.get("val", "") for item in values])
    # The checks above ignore repetitions; the server counts them.
    counted = (
        ("languages", record.get("langs", ()), limits.LANGS_MAX),
        ("tags", record.get("tags", ()), limits.TAGS_MAX),
    )
    for called, entries, most in (*counted, ("labels", values, limits.LABELS_MAX)):
        if len(entries) > most:
            raise InputError(
                f"The post has {len(entries)} {called}; the maximum is {most}.",
                code="record.malformed",
                hint="Leave out repetitions.",
            )
