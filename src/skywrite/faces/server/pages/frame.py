"""What all pages share: the signed-in person, the frame around the content, and the security headers.

What lives here: rendering. What does not: any page (a module and a template each, next to this one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

import jinja2
import msgspec
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from skywrite.app import Skywrite
from skywrite.app.operations import Access
from skywrite.core.errors import Overloaded, SkywriteError
from skywrite.core.feature import Entry
from skywrite.faces.server.auth import own_path, person_of
from skywrite.faces.server.json_bodies import check_texts
from skywrite.faces.server.limits import JSON_BYTES_MAX, bounded, in_turn
from skywrite.faces.server.pages.again import PAGE, page_again
from skywrite.faces.server.pages.forms import Fields
from skywrite.faces.server.pages.needs import counts_of, needs_of
from skywrite.faces.server.pages.words import error_words, hint_words, local_words, when
from skywrite.faces.server.problems import on_error, on_missing, on_surprise
from skywrite.faces.server.rights import access_of_person
from skywrite.faces.server.routes import PREFIX, invalid
from skywrite.faces.server.services import Services, services_of
from skywrite.features import features
from skywrite.queue.authors import written_by
from skywrite.queue.model import Post
from skywrite.queue.people import Person

# Scripts and styles only come from this server, and no text can become a script (Trusted Types).
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types skywrite",
    )
)
HEADERS = {"content-security-policy": CONTENT_POLICY, "cache-control": "no-store"}

NAVIGATION = (
    Entry("Plan", "/", "calendar", 10),
    Entry("Compose", "/compose", "pen", 20),
    Entry("History", "/history", "clock", 40),
    Entry("Media", "/media", "image", 80),
    Entry("Accounts", "/accounts", "person", 90),
    Entry("Settings", "/settings", "key", 100),
)
_TITLES = {403: "Not for you to see", 404: "Nothing here", 412: "Changed meanwhile", 422: "Not like this"}
UNDO_SECONDS = 10
FIELDS_MAX = 200


@cache
def navigation() -> list[Entry]:
    """The pages that the menu lists, those of the features among them."""
    return sorted((*NAVIGATION, *(entry for row in features() for entry in row.navigation)), key=lambda one: one.place)


class IdConvertor(IntegerConvertor):
    """`{number:id}` in the path of a route: a number that a database can hold."""

    regex = "[0-9]{1,18}"


register_url_convertor("id", IdConvertor())


class Visit(NamedTuple):
    """One request of a signed-in person, with their rights."""

    request: Request
    services: Services
    person: Person

    @property
    def sky(self) -> Skywrite:
        """The queue."""
        return self.services.sky

    @property
    def access(self) -> Access:
        """What the person may do."""
        return access_of_person(self.sky, self.person)

    def query(self, name: str, default: str = "") -> str:
        """A value of the address."""
        return self.request.query_params.get(name, default)


Page = Callable[[Visit], Response]


def page_route(path: str, page: Page, *, network: bool = False) -> BaseRoute:
    """A route for a page that needs a sign-in. `network`: it may wait for servers of others."""

    async def endpoint(request: Request) -> Response:
        return await answer(request, page, network=network)

    return Route(path, endpoint, methods=["GET"], name=f"{PAGE}{path} GET")


async def answer(request: Request, page: Page, *, network: bool = False) -> Response:
    """Handle a page for a signed-in person; in a thread, because the queue's methods block."""
    person = await person_of(request)
    if person is None:
        return signed_out(request)
    return await in_lane(Visit(request, services_of(request), person), page, network=network)


def signed_out(request: Request) -> Response:
    """How to sign in. A browser that comes from another site does not send our cookie (SameSite=Strict), so it goes one
    step further first, from a page of ours.
    """
    if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
        query = urlencode([pair for pair in request.query_params.multi_items() if pair[0] != "done"])
        address = request.url.path + (f"?{query}" if query else "")
        return render("from_elsewhere.html", address=own_path(address))
    return render("signed_out.html", status=401, error=None)


async def in_lane(visit: Visit, page: Page, *, network: bool) -> Response:
    """What a page answers, its errors included."""
    outcome = await _outcome(visit, page, network=network)
    return _trouble(visit, outcome) if isinstance(outcome, SkywriteError) else outcome


async def _outcome(visit: Visit, page: Page, *, network: bool) -> Response | SkywriteError:
    try:
        return await visit.services.lanes.of(network).run(visit.access.share, _made, page, visit)
    except Overloaded as error:
        return error


def form_route(
    path: str,
    action: Callable[[Visit, dict[str, str]], Response],
    *,
    network: bool = False,
    max_fields: int = FIELDS_MAX,
) -> BaseRoute:
    """A route for a submitted form. If it is refused, its page is shown again: what was typed, and what is wrong."""

    async def endpoint(request: Request) -> Response:
        person = await person_of(request)
        if person is None:
            return signed_out(request)
        visit = Visit(request, services_of(request), person)
        async with in_turn(request, visit.services.lanes.bodies, visit.access.share):
            form = await bounded(request, JSON_BYTES_MAX).form(max_files=0, max_fields=max_fields)
            fields = Fields({name: str(value) for name, value in form.items()})
            check_texts(fields.values())
            outcome = await _outcome(visit, lambda seen: action(seen, fields), network=network)
        if isinstance(outcome, Response):
            return outcome
        return await page_again(request, fields, outcome) or _trouble(visit, outcome)

    return Route(path, endpoint, methods=["POST"], name=f"form {path}")


def _made(page: Page, visit: Visit) -> Response | SkywriteError:
    try:
        with written_by(visit.access.who, agent=False):
            return page(visit)
    except msgspec.ValidationError as error:
        return invalid(error, hint="")
    except SkywriteError as error:
        return error


def _trouble(visit: Visit, error: SkywriteError) -> Response:
    title = _TITLES.get(error.http_status, "Not now")
    return show(visit, "error.html", status=error.http_status, title=title, said=error_words(error))


def missing(request: Request, error: Exception) -> Response:
    """Nothing is at this address: a page for people, a problem for programs."""
    return render("missing.html", status=404) if _is_for_people(request) else on_missing(request, error)


def is_from_here(request: Request) -> bool:
    """Whether a page of ours led here. What was done is said in the address, and everybody can write an address."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    referer = urlsplit(request.headers.get("referer", ""))
    origin = f"{referer.scheme}://{referer.netloc}"
    return services_of(request).origin.is_own(origin, request.headers.get("host", ""))


def refused(request: Request, error: Exception) -> Response:
    """A request that was refused before a page could answer: a page for people, a problem for programs."""
    response = on_error(request, error)
    if not _is_for_people(request):
        return response
    template = "signed_out.html" if response.status_code == 401 else "refused.html"
    page = render(template, status=response.status_code, error=error)
    page.headers.update({name: value for name, value in response.headers.items() if name == "retry-after"})
    return page


def failed(request: Request, error: Exception) -> Response:
    """Something failed that nobody expected: a page for people, a problem for programs; the log says more."""
    response = on_surprise(request, error)
    return render("failed.html", status=500) if _is_for_people(request) else response


def _is_for_people(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(PREFIX)


def first_zone(visit: Visit) -> str:
    """The time zone of a page that is about all accounts: that of the default one."""
    accounts = visit.sky.accounts.list()
    return visit.sky.context.zone(accounts[0]) if accounts else "UTC"


def show(visit: Visit, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page within the frame."""
    needs = needs_of(visit.sky, visit.access)
    return render(
        template,
        status=status,
        person=visit.person,
        path=visit.request.url.path,
        navigation=[item for item in navigation() if item.address != "/compose" or "draft" in visit.access.scopes],
        may=visit.access.scopes,
        done=visit.query("done") if is_from_here(visit.request) else "",
        needs=needs,
        menu_counts=counts_of(needs),
        undo=visit.query("undo") if is_from_here(visit.request) else "",
        this_page=_this_page(visit),
        **values,
    )


def _this_page(visit: Visit) -> str:
    """The address of the page, without what was said about the last action."""
    pairs = [pair for pair in visit.request.query_params.multi_items() if pair[0] not in ("done", "undo")]
    return visit.request.url.path + (f"?{urlencode(pairs)}" if pairs else "")


def render(template: str, *, status: int = 200, **values: Any) -> Response:
    """A template as a response with the headers of pages."""
    return HTMLResponse(templates().get_template(template).render(**values), status, headers=HEADERS)


def back(path: str, done: str = "", **query: str) -> Response:
    """A redirect after a form, with a message about what was done. `undo`: the name of the change, to take it back."""
    place = urlsplit(own_path(path))
    changes = {"done": done, **query}
    kept = [pair for pair in parse_qsl(place.query) if pair[0] not in ("undo", *changes)]
    text = urlencode([*kept, *((name, value) for name, value in changes.items() if value)])
    return RedirectResponse(f"{place.path}?{text}" if text else place.path, 303)


@cache
def templates() -> jinja2.Environment:
    """The templates: everything is escaped, and an undefined name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(
            [Path(__file__).parents[1] / "templates", *(row.folder / "templates" for row in features())]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["hint"] = hint_words
    environment.filters["clock"] = lambda at, zone: f"{at.astimezone(ZoneInfo(zone)):%H:%M}"
    environment.filters["when"] = when
    environment.filters["local"] = local_words
    return environment


class Panel(NamedTuple):
    """A part of a page: its place (smaller numbers come first), its template, and what it shows."""

    place: int
    template: str
    values: Mapping[str, Any]


def drawn(visit: Visit, panels: Iterable[Panel], **shared: Any) -> list[str]:
    """The panels as HTML, in their order. `shared`: what the page has for each of them."""
    return [
        templates().get_template(panel.template).render(person=visit.person, **shared, **panel.values)
        for panel in sorted(panels, key=lambda panel: panel.place)
    ]


def undo_seconds(settings: Mapping[str, Any]) -> int:
    """For how many seconds a post can be undone after "now"; 0 means not at all."""
    return int(settings.get("undo_seconds", UNDO_SECONDS))


def now_as_time(settings: Mapping[str, Any]) -> str:
    """The time that "now" stands for."""
    seconds = undo_seconds(settings)
    return f"in {seconds} seconds" if seconds else "now"


def undo_left(visit: Visit, post: Post) -> float | None:
    """For how long a post can still be undone before it goes out; None if it is not waiting for that."""
    if post.state != "scheduled" or post.due_at is None or "schedule" not in visit.access.scopes:
        return None
    left = (post.due_at - visit.sky.context.clock.now()).total_seconds()
    settings = visit.sky.accounts.get(post.account_did).settings
    return left if 0 < left <= undo_seconds(settings) else None
