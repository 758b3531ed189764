"""The plan as a calendar (iCalendar, RFC 5545) and published posts as RSS, at secret addresses without a key.

What lives here: the two formats, and their handlers. What does not: which addresses there are (`queue.api_keys`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from skywrite.app import Skywrite
from skywrite.app.entries import entries
from skywrite.app.results import Entry
from skywrite.core.errors import NotFound
from skywrite.faces.server.auth import client_of, wrong_guess
from skywrite.faces.server.services import Served, services_of
from skywrite.queue.api_keys import FeedToken
from skywrite.queue.model import State

SHOWN_STATES: tuple[State, ...] = ("scheduled", "publishing", "published", "held", "failed")
PAST = timedelta(days=31)
POSTS_MAX = 2000
RSS_ITEMS = 50
LINE_BYTES_MAX = 75
REFRESH = "PT15M"
DURATION = timedelta(minutes=5)
_MARKS = {"held": "⏸ ", "failed": "✕ ", "published": "✓ "}


async def calendar(request: Request) -> Response:
    """GET /calendar/{token}.ics."""
    return await services_of(request).lanes.work.run(client_of(request), _calendar, request)


async def rss(request: Request) -> Response:
    """GET /rss/{token}.xml."""
    return await services_of(request).lanes.work.run(client_of(request), _rss, request)


def _calendar(request: Request) -> Response:
    token = _token(request)
    sky = services_of(request).sky
    since = sky.context.clock.now() - PAST
    posts = sky.context.store.listing.posts(
        SHOWN_STATES, account_did=token.account_did, due_from=since, limit=POSTS_MAX
    )
    text = calendar_text(token.name, [*entries(sky.context, posts)], _base(request))
    return _document(request, text, "text/calendar; charset=utf-8")


def _rss(request: Request) -> Response:
    token = _token(request)
    sky = services_of(request).sky
    posts = sky.context.store.listing.history(("published",), account_did=token.account_did, limit=RSS_ITEMS)
    text = rss_text(token.name, [*entries(sky.context, posts)], _base(request))
    return _document(request, text, "application/rss+xml; charset=utf-8")


def _document(request: Request, text: str, media_type: str) -> Response:
    """The document, or that it is what the reader has already (RFC 9110, 13.1.2)."""
    tag = f'"{sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"cache-control": "private, max-age=300", "etag": tag}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type=media_type, headers=headers)


def calendar_text(name: str, entries: Sequence[Entry], base_url: str) -> str:
    """Posts as events; a moved post keeps its UID and increments SEQUENCE."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Skywrite//Skywrite//EN",
        "CALSCALE:GREGORIAN",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}",
    ]
    for entry in entries:
        lines += _event(entry, base_url)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def rss_text(name: str, entries: Sequence[Entry], base_url: str) -> str:
    """Published posts, the latest first (RSS 2.0)."""
    items = "".join(_item(entry) for entry in entries)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>{_xml(name)}</title><link>{_xml(base_url)}/</link>"
        f"<description>What was published</description>{items}</channel></rss>\n"
    )


def _event(entry: Entry, base_url: str) -> Iterator[str]:
    post = entry.post
    assert post.due_at is not None
    first_line = post.text.partition("\n")[0][:80] or "(no text)"
    yield "BEGIN:VEVENT"
    yield f"UID:post-{post.id}-{post.created_at:%Y%m%d%H%M%S}@skywrite"
    yield f"DTSTAMP:{_stamp(post.updated_at)}"
    yield f"LAST-MODIFIED:{_stamp(post.updated_at)}"
    yield f"SEQUENCE:{post.version - 1}"
    yield f"DTSTART:{_stamp(post.due_at)}"
    yield f"DTEND:{_stamp(post.due_at + DURATION)}"
    yield f"SUMMARY:{_text(_MARKS.get(post.state, '') + first_line)}"
    yield f"DESCRIPTION:{_text(f'@{entry.account.handle}, {_state(entry)}: {post.text}')}"
    yield f"URL:{entry.url or f'{base_url}/posts/{post.id}'}"
    yield f"STATUS:{'TENTATIVE' if post.state == 'held' or entry.standing.wanted else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _state(entry: Entry) -> str:
    return f"{entry.post.state}, waits for an approval" if entry.standing.wanted else entry.post.state


def _item(entry: Entry) -> str:
    post = entry.post
    title = post.text.partition("\n")[0][:80] or "(no text)"
    when = format_datetime((post.published_at or post.updated_at).astimezone(UTC))
    return (
        f"<item><title>{_xml(title)}</title><link>{_xml(entry.url or '')}</link>"
        f'<guid isPermaLink="false">{_xml(post.uri or "")}</guid><pubDate>{when}</pubDate>'
        f"<description>{_xml(escape(post.text))}</description></item>"
    )


def _token(request: Request) -> FeedToken:
    """The token of the address. A wrong or revoked one looks like a missing page, and guesses are limited."""
    token = services_of(request).keys.token(request.path_params["token"])
    if token is None:
        wrong_guess(request, "calendar address")
        raise NotFound("There is nothing at this address.", code="page.unknown")
    return token


def _base(request: Request) -> str:
    return services_of(request).origin.public_url or str(request.base_url).rstrip("/")


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """RFC 5545, 3.3.11; control characters are not part of a text."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    escaped = escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")
    return "".join(character for character in escaped if character.isprintable() or character == "\t")


def _folded(line: str) -> Iterator[str]:
    """RFC 5545, 3.1: lines of at most 75 bytes, none cut inside a character."""
    piece, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > LINE_BYTES_MAX:
            yield piece
            piece, size = " ", 1
        piece, size = piece + character, size + width
    yield piece


def _xml(text: str) -> str:
    """Text for XML 1.0, which does not allow control characters."""
    return escape("".join(character for character in text if character.isprintable() or character in "\n\t"))


def served(sky: Skywrite) -> Served:
    """The addresses."""
    return Served([Route("/calendar/{token}.ics", calendar), Route("/rss/{token}.xml", rss)])
