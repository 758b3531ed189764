"""A draft: text, media, card, quote, reply, gates, as people write them.

What lives here: the values (named tuples, because their classes are created ten times faster than dataclasses when
`skywrite post` starts), and reading and writing them as plain dicts. Command line options, rows of `skywrite import`,
front matter and Python's keyword arguments use the same names. A resolved draft is a draft too: it contains `Stored`
media and `Ref`s instead of paths and links.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from os import PathLike, fspath
from typing import Annotated, Any, Literal, NamedTuple

from skywrite.core.errors import InputError
from skywrite.core.files import local_name
from skywrite.posting.compose.fields import Caption, Card, Image, Kind, Media, PostField, Reply, Stored, Video
from skywrite.protocol.atproto.syntax import Ref

Numbering = Literal["none", "1/n", "thread"]
NUMBERINGS: tuple[Numbering, ...] = ("none", "1/n", "thread")
STRIP: Literal["strip"] = "strip"
Markdown = bool | Literal["strip"]


def invalid_draft(message: str, *, hint: str = "The guide lists the fields of a draft.") -> InputError:
    """The error for a draft that cannot be read."""
    return InputError(message, code="draft.invalid", hint=hint)


class Draft(NamedTuple):
    """One post as its writer wants it, with the rest of its thread.

    `card`: "auto" (the first link's page, if there is no other media), "none", an address, or a resolved Card.
    `replies`: who may reply; None for everyone, else any of nobody, mentioned, followers, following, or lists.
    `quotes`: whether others may quote it. `markdown`: `[label](https://...)` becomes a link; with "strip",
    headings, bold and the like lose their marks, too. `campaign`: a label of your own, which is not
    published, to find and count posts by. `shorten`: show links as
    the official app does. `tidy`: remove outer blank lines. `mentions`: an `@handle` becomes a mention, which notifies
    its owner. `split`: text that is too long for one post becomes a thread. `facets` and `embed`: parts of the record
    that the caller has made; they are used unchanged, instead of ours.
    """

    text: Annotated[str, PostField("text")] = ""
    images: Annotated[tuple[Image, ...], PostField("images")] = ()
    video: Annotated[Video | None, PostField("video")] = None
    card: Annotated[str | Card, PostField("card")] = "auto"
    quote: Annotated[str | Ref | None, PostField("quote")] = None
    reply_to: Annotated[str | Reply | None, PostField("reply", scope="first")] = None
    replies: Annotated[tuple[str, ...] | None, PostField("texts", scope="first")] = None
    quotes: Annotated[bool, PostField("flag", scope="first")] = True
    labels: Annotated[tuple[str, ...], PostField("texts", scope="shared")] = ()
    langs: Annotated[tuple[str, ...], PostField("texts", scope="shared")] = ()
    tags: Annotated[tuple[str, ...], PostField("texts")] = ()
    campaign: Annotated[str, PostField("text", scope="first")] = ""
    markdown: Annotated[Markdown, PostField("flag", (STRIP,), "reading", is_setting=True)] = True
    shorten: Annotated[bool, PostField("flag", scope="reading", is_setting=True)] = True
    tidy: Annotated[bool, PostField("flag", scope="reading", is_offered=False)] = True
    mentions: Annotated[bool, PostField("flag", scope="reading", is_offered=False)] = True
    split: Annotated[bool, PostField("flag", scope="reading")] = False
    numbering: Annotated[Numbering, PostField("choice", NUMBERINGS, "reading")] = "none"
    facets: Annotated[tuple[Mapping[str, Any], ...] | None, PostField("facets", is_offered=False)] = None
    embed: Annotated[Mapping[str, Any] | None, PostField("embed", is_offered=False)] = None
    thread: Annotated["tuple[Draft, ...]", PostField("thread", scope="first")] = ()

    def parts(self) -> "list[Draft]":
        """This draft and the rest of its thread, in order."""
        return [self._replace(thread=()), *self.thread] if self.thread else [self]

    def files(self) -> list[str]:
        """The paths of the files that it names, as written, including those of its thread."""
        named = []
        for part in self.parts():
            media = [image.media for image in part.images]
            media += [part.video.media, *(one.media for one in part.video.captions)] if part.video else []
            media += [part.card.thumb] if isinstance(part.card, Card) and isinstance(part.card.thumb, Media) else []
            named += [one.path for one in media if one.path is not None]
        return named

    def as_dict(self) -> dict[str, Any]:
        """The draft as a row of `skywrite import`, without fields that have their default."""
        plain: dict[str, Any] = {}
        for name, value, default in zip(FIELDS, self, _DEFAULTS, strict=True):
            if value != default:
                plain[name] = _plain(value)
        plain.setdefault("text", self.text)
        return plain


def _declared(name: str) -> PostField:
    """The field as `Draft` declares it."""
    field: PostField = Draft.__annotations__[name].__metadata__[0]
    return field._replace(name=name, default=Draft._field_defaults[name])


FIELDS: Mapping[str, PostField] = {name: _declared(name) for name in Draft._fields}
_DEFAULTS = Draft()


def fields_of(*kinds: Kind) -> tuple[str, ...]:
    """The names of all fields of these kinds."""
    return tuple(name for name, field in FIELDS.items() if field.kind in kinds)


def _plain(value: Any) -> Any:
    if isinstance(value, Draft):
        return value.as_dict()
    if isinstance(value, Media):
        return _plain_media(value)
    if isinstance(value, Image | Caption | Video):
        rest = {name: _plain(item) for name, item in value._asdict().items() if name != "media"}
        return {
            **_plain_media(value.media),
            **{name: kept for name, kept in rest.items() if kept not in ((), [], False)},
        }
    if isinstance(value, Stored | Card | Ref | Reply):
        pairs = {name: _plain(item) for name, item in value._asdict().items()}
        return {name: kept for name, kept in pairs.items() if kept not in (None, [], "")}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _plain_media(media: Media) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(media.stored) if media.stored else {}
    for name in ("path", "url", "name"):
        if getattr(media, name) and not (media.stored and name != "name"):
            plain[name] = getattr(media, name)
    return plain


def draft_from_dict(row: Mapping[str, Any]) -> Draft:
    """Read a draft. Raises InputError, which names the wrong field; unknown fields are errors, too."""
    unknown = [name for name in row if name not in FIELDS]
    if unknown:
        raise invalid_draft(f"A draft has no field {unknown[0]!r}.", hint=_nearest(unknown[0]))
    values: dict[str, Any] = {}
    for name, value in row.items():
        if value is not None:
            values[name] = _READERS[name](value)
    return Draft(**values)


def _nearest(name: str, fields: Iterable[str] = FIELDS) -> str:
    from difflib import get_close_matches

    near = get_close_matches(str(name).lower(), fields, 1, 0.7)
    return f"Did you mean {near[0]!r}?" if near else f"The fields are: {', '.join(fields)}."


def _check_keys(name: str, value: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise InputError for a key that says nothing here: a misspelt alt text must not be left out silently."""
    for key in value:
        if key not in known:
            raise invalid_draft(f"{name} has no field {key!r}.", hint=_nearest(key, known))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid_draft(f"{name} must be text, not {type(value).__name__}.")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalid_draft(f"{name} must be true or false, not {value!r}.")
    return value


def _flag_or_word(name: str, value: Any, *, words: Sequence[str]) -> bool | str:
    if isinstance(value, bool):
        return value
    if value in words:
        return words[words.index(value)]
    raise invalid_draft(f"{name} must be true, false or {' or '.join(words)}, not {value!r}.")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Iterable) or isinstance(items, Mapping):
        raise invalid_draft(f"{name} must be a list of texts.")
    return tuple(_text(name, item) for item in items)


def _choice(name: str, value: Any, *, words: Sequence[str]) -> str:
    if value in words:
        return words[words.index(value)]
    raise invalid_draft(f"{name} cannot be {value!r}.", hint=f"It is one of: {', '.join(words)}.")


_KINDS = ("path", "url", "data", "cid")
_STORED = {"cid": str, "mime": str, "size": int, "width": int, "height": int}


def media_from(name: str, value: Any, more: Sequence[str] = ()) -> Media:
    """A path, bytes, or a dict with one of path, url, data or cid; `more` are its keys that say something else."""
    if isinstance(value, Media):
        return value
    if isinstance(value, str | PathLike):
        text = fspath(value)
        if isinstance(value, str) and not value.strip():
            raise invalid_draft(f"{name}: the name of a file is empty.", hint="Give a path or an address.")
        return Media(url=text) if text.startswith(("https://", "http://")) else Media(path=local_name(text))
    if isinstance(value, bytes):
        return Media(data=value)
    if isinstance(value, Mapping):
        kinds = [kind for kind in _KINDS if value.get(kind) is not None]
        if len(kinds) == 1:
            known = (*(_STORED if kinds == ["cid"] else _KINDS), "name", *more)
            _check_keys(name, value, known)
            return _media_of_kind(name, kinds[0], value)
    raise invalid_draft(f'{name}: give a path or an address, as text or as {{"path": ...}} or {{"url": ...}}.')


def _media_of_kind(name: str, kind: str, value: Mapping[str, Any]) -> Media:
    label, content = str(value.get("name", "")), value[kind]
    if kind == "cid":
        return Media(stored=_stored(value), name=label)
    if kind == "path" and isinstance(content, str | PathLike):
        return Media(path=local_name(fspath(content)), name=label)
    if kind == "url" and isinstance(content, str):
        return Media(url=content, name=label)
    if kind == "data" and isinstance(content, bytes):
        return Media(data=content, name=label)
    wanted = "bytes" if kind == "data" else "text"
    raise invalid_draft(f"{name}: {kind} must be {wanted}, not {type(content).__name__}.")


def _stored(value: Mapping[str, Any]) -> Stored:
    for name, kind in _STORED.items():
        content = value.get(name)
        if content is None and name in ("cid", "mime", "size"):
            raise invalid_draft(f"Stored media need {name!r}.")
        if content is not None and (not isinstance(content, kind) or isinstance(content, bool)):
            raise invalid_draft(f"{name} of stored media must be {kind.__name__}, not {type(content).__name__}.")
    return Stored(value["cid"], value["mime"], value["size"], value.get("width"), value.get("height"))


def _alt(value: Any) -> str:
    return _text("alt", value.get("alt") or "") if isinstance(value, Mapping) else ""


def _image(name: str, value: Any) -> Image:
    if isinstance(value, Image):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) == 2:
        return Image(media_from(name, value[0]), _text("alt", value[1]))
    return Image(media_from(name, value, ("alt",)), _alt(value))


def _images(name: str, value: Any) -> tuple[Image, ...]:
    if isinstance(value, str | bytes | PathLike | Mapping | Image | Media):
        value = [value]
    if not isinstance(value, Iterable):
        raise invalid_draft("images must be a list.")
    return tuple(_image(name, item) for item in value)


def _caption(value: Any) -> Caption:
    if isinstance(value, Caption):
        return value
    if not isinstance(value, Mapping) or "lang" not in value:
        raise invalid_draft('captions: each needs a language and a file: {"lang": "en", "path": "talk.vtt"}.')
    return Caption(_text("lang", value["lang"]), media_from("captions", value, ("lang",)))


def _video(name: str, value: Any) -> Video:
    if isinstance(value, Video):
        return value
    captions = value.get("captions", ()) if isinstance(value, Mapping) else ()
    gif = _flag("gif", value.get("gif", False)) if isinstance(value, Mapping) else False
    media = media_from(name, value, ("alt", "captions", "gif"))
    return Video(media, _alt(value), tuple(_caption(item) for item in _list("captions", captions)), gif)


def _list(name: str, value: Any) -> Iterable[Any]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise invalid_draft(f"{name} must be a list, not {type(value).__name__}.")
    return value


# A reference, also as the network answers when a record was written.
_REF = ("uri", "cid", "$type", "commit", "validationStatus")
_CARD = ("url", "title", "description", "thumb", "associated")


def _ref(value: Any) -> Ref:
    if not isinstance(value, Mapping):
        raise invalid_draft(f"A reference to a record must have uri and cid; it is {type(value).__name__}.")
    _check_keys("A reference to a record", value, _REF)
    try:
        return Ref(_text("uri", value["uri"]), _text("cid", value["cid"]))
    except KeyError as error:
        raise invalid_draft(f"A reference to a record lacks {error}.") from None


def _card(name: str, value: Any) -> str | Card:
    if isinstance(value, Card):
        return value
    if isinstance(value, bool):
        return "auto" if value else "none"
    if isinstance(value, Mapping):
        _check_keys(name, value, _CARD)
        thumb = value.get("thumb")
        return Card(
            _text("url", value.get("url")),
            _text("title", value.get("title", "")),
            _text("description", value.get("description", "")),
            _thumb(thumb) if thumb else None,
            tuple(_ref(item) for item in _list("associated", value.get("associated", ()))),
        )
    return _text(name, value)


def _thumb(value: Any) -> Stored | Media:
    media = media_from("thumb", value)
    return media.stored or media


def _quote(name: str, value: Any) -> str | Ref:
    return value if isinstance(value, Ref) else _ref(value) if isinstance(value, Mapping) else _text(name, value)


def _reply_to(name: str, value: Any) -> str | Reply:
    if isinstance(value, Reply):
        return value
    if isinstance(value, Mapping):
        _check_keys(name, value, ("root", "parent", "$type"))
        return Reply(_ref(value.get("root", {})), _ref(value.get("parent", {})))
    return _text(name, value)


def _facets(name: str, value: Any) -> tuple[Mapping[str, Any], ...]:
    items = tuple(value) if isinstance(value, Iterable) else (None,)
    if not all(isinstance(item, Mapping) for item in items):
        raise invalid_draft("facets must be a list of app.bsky.richtext.facet objects.")
    return items


def _embed(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or "$type" not in value:
        raise invalid_draft("embed must be an app.bsky.embed object with its $type.")
    return value


def _thread(name: str, value: Any) -> tuple[Draft, ...]:
    if isinstance(value, str | Mapping | Draft) or not isinstance(value, Iterable):
        raise invalid_draft("thread must be a list of texts or drafts.")
    drafts = []
    for item in value:
        if not isinstance(item, str | Mapping | Draft):
            raise invalid_draft(f"A post of a thread must be a text or a draft, not {type(item).__name__}.")
        draft = item if isinstance(item, Draft) else draft_from_dict({"text": item} if isinstance(item, str) else item)
        for field in FIELDS.values():
            if field.scope == "first" and getattr(draft, field.name) != field.default:
                raise invalid_draft(f"{field.name} belongs to the first post of a thread.")
        drafts.append(draft)
    return tuple(drafts)


_BY_KIND: Mapping[Kind, Callable[[str, Any], Any]] = {
    "text": _text,
    "texts": _texts,
    "flag": _flag,
    "images": _images,
    "video": _video,
    "card": _card,
    "quote": _quote,
    "reply": _reply_to,
    "facets": _facets,
    "embed": _embed,
    "thread": _thread,
}


def _reader(field: PostField) -> Callable[[Any], Any]:
    if field.words:
        return partial(_choice if field.kind == "choice" else _flag_or_word, field.name, words=field.words)
    return partial(_BY_KIND[field.kind], field.name)


_READERS = {name: _reader(field) for name, field in FIELDS.items()}
