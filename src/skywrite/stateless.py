"""Publishing without a database: for CI jobs, and for cron lines on fresh containers.

The repository is the ledger. The record key of a post is computed from its key and time (`atproto.tid.keyed_tid`), so a
later run finds the record there, and of two concurrent runs one wins: a repository accepts a record key once.

What lives here: what is due, what already exists, and what happens to the rest. What does not: the queue (`Skywrite`
needs a database), reading files (`sources.folder`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from skywrite.core.clock import SYSTEM_CLOCK, Clock, to_iso
from skywrite.core.config import DEFAULT_SERVICE, Config, load_config
from skywrite.core.errors import (
    InputError,
    Notice,
    RateLimited,
    RejectedError,
    SignInError,
    SkywriteError,
    TemporaryError,
    Unexpected,
)
from skywrite.core.http import Http, Transport
from skywrite.posting.compose.build import build
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.posting.compose.freeze import freeze
from skywrite.posting.compose.references import app_link
from skywrite.posting.compose.resolve import resolve_draft
from skywrite.posting.compose.texts import with_quoted_link
from skywrite.posting.publish.network import Network
from skywrite.posting.publish.sender import Sending, send
from skywrite.posting.schedule.policy import DEFAULT_LATE_POLICY, parse_late, verdict
from skywrite.protocol.atproto.repo import RecordConflict, Repo
from skywrite.protocol.atproto.session import Agent
from skywrite.protocol.atproto.sign_in import create_session, service_for
from skywrite.protocol.atproto.tid import keyed_tid
from skywrite.protocol.atproto.xrpc import Xrpc
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound
from skywrite.protocol.bsky.limits import POST

if TYPE_CHECKING:
    from skywrite.posting.sources.post_file import FileProblem, Item

DEFAULT_ZONE = "UTC"

State = Literal["published", "existed", "waiting", "missed", "draft", "other", "failed"]


@dataclass(frozen=True, slots=True)
class StatelessReport:
    """The result for one post. published: by this run. existed: it was already in the repository, or another run was
    faster. waiting: its time has not come yet. missed: it is later than its policy allows. draft: its file says so.
    other: its file is for another account. failed: see `error`.
    """

    name: str
    state: State
    due_at: datetime | None = None
    uri: str | None = None
    cid: str | None = None
    url: str | None = None
    warnings: tuple[Notice, ...] = ()
    error: SkywriteError | None = None
    line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The object of `--json`."""
        return {
            "file": self.name or None,
            "state": self.state,
            "due_at": to_iso(self.due_at) if self.due_at else None,
            "uri": self.uri,
            "cid": self.cid,
            "url": self.url,
            "line": self.line,
            "warnings": list(self.warnings),
            "error": self.error.as_dict() if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A post that is due: `key` and `due_at` make its record keys."""

    name: str
    row: Mapping[str, Any]
    key: str
    due_at: datetime
    late: str | None
    base: Path


class Stateless:
    """One account of the environment (BLUESKY_HANDLE, BLUESKY_APP_PASSWORD, BLUESKY_PDS), and no memory.

        with Stateless() as sky:
            for report in sky.publish_folder("posts"):
                print(report.name, report.state)

    It signs in only when there is something to publish. `zone` is for times that do not name one.
    """

    def __init__(
        self,
        *,
        zone: str | None = None,
        config: Config | None = None,
        transport: Transport | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        from skywrite.posting.schedule.timestamps import read_zone

        self._config = config or load_config()
        self._given_transport = transport
        self._transport = transport or Http()
        self._clock = clock
        self._network = Network(self._config, self._transport, clock)
        self._zone = read_zone(DEFAULT_ZONE if zone is None else zone)
        self._agent: Agent | None = None
        self._server: Xrpc | None = None
        if not (self._config.handle and self._config.app_password):
            raise SignInError(
                "There is no account to publish with.",
                code="credentials.missing",
                hint="Set BLUESKY_HANDLE and BLUESKY_APP_PASSWORD (in CI, from secrets).",
            )
        self._handle = self._config.handle.removeprefix("@").lower()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session, and close the connections."""
        if self._agent is not None:
            with suppress(SkywriteError):
                self._agent.delete_session()
        if isinstance(self._transport, Http) and self._given_transport is None:
            self._transport.close()

    def publish_folder(self, folder: str | Path, *, mark: bool = False) -> list[StatelessReport]:
        """Publish what is due in a folder, the earliest first.

        Returns a report for each file. A due post goes out if it is not later than its grace (a day, unless its file
        says otherwise), or at any time with `late: publish`. A file that fails does not stop the others, unless nothing
        can be published any more (no sign-in, a rate limit). Raises InputError.
        """
        from skywrite.posting.sources.folder import read_folder

        content = read_folder(Path(folder))
        reports = [_wrong(problem) for problem in content.problems]
        due: list[_Keyed] = []
        for item in content.items:
            try:
                answer = self._sorted_out(item)
            except Exception as error:
                answer = StatelessReport(item.path, "failed", error=Unexpected.of(error), line=1)
            if isinstance(answer, StatelessReport):
                reports.append(answer)
            else:
                due.append(answer)
        reports += self._in_turn(sorted(due, key=lambda one: (one.due_at, one.name)))
        if mark:
            reports = _marked(reports, {item.path: item for item in content.items})
        return sorted(reports, key=lambda report: (report.name, report.line or 0))

    def post(
        self,
        text: str = "",
        *,
        key: str,
        at: str | datetime,
        late: str | None = None,
        base: Path | None = None,
        **draft: Any,
    ) -> StatelessReport:
        """Publish one post, once for its key and time, however often and wherever this is called.

        `at`: an aware datetime or ISO 8601. Raises what stops it.
        """
        from skywrite.posting.schedule.timestamps import due_time, read_timestamp

        due_at = due_time(at if isinstance(at, datetime) else read_timestamp(at), self._zone)
        if not key.strip():
            raise InputError("The key is empty.", hint="Use a name for the post, such as release-1.2.0.")
        keyed = _Keyed("", {"text": text, **draft}, key, due_at, late, base or Path())
        early = self._not_now(keyed)
        return early or self._publish(keyed)

    def _sorted_out(self, item: Item) -> StatelessReport | _Keyed:
        """A file that is due, or the report why it is not."""
        if item.published:
            return StatelessReport(item.path, "existed", uri=item.published)
        if item.is_draft:
            return StatelessReport(item.path, "draft")
        if item.account and not self._is_mine(item.account):
            return StatelessReport(item.path, "other")
        due_at = item.due_at(self._zone)
        if due_at is None:
            error = InputError("It has no time.", hint="Without a database, each file needs one: at: 2027-01-05 09:00")
            return StatelessReport(item.path, "failed", error=error, line=1)
        keyed = _Keyed(item.path, item.row, item.own_key, due_at, item.late, item.base)
        return self._not_now(keyed) or keyed

    def _is_mine(self, name: str) -> bool:
        """Whether a file that names an account, by its handle or its DID, is for ours. Raises SkywriteError."""
        own = self._handle
        if name in (own, self._config.handle):
            return True
        if "@" in own:
            session = self._signed_in().session
            return name in (session.did, session.handle)
        if name.startswith("did:") == own.startswith("did:"):
            return False
        did, handle = (name, own) if name.startswith("did:") else (own, name)
        try:
            answer = self._public().query("com.atproto.identity.resolveHandle", {"handle": handle})
        except RejectedError:
            return False
        return answer.get("did") == did

    def _not_now(self, post: _Keyed) -> StatelessReport | None:
        """Why a post is not published now, or None if it is due."""
        now = self._clock.now()
        if post.due_at > now:
            return StatelessReport(post.name, "waiting", post.due_at)
        policy, seconds = parse_late(post.late) if post.late else (DEFAULT_LATE_POLICY, None)
        if verdict(post.due_at, now, policy, seconds) == "publish":
            return None
        return StatelessReport(post.name, "missed", post.due_at)

    def _in_turn(self, posts: Iterable[_Keyed]) -> Iterator[StatelessReport]:
        stop: SkywriteError | None = None
        for post in posts:
            try:
                if stop is not None:
                    raise stop
                yield self._publish(post)
            except Exception as exception:
                error = Unexpected.of(exception)
                if isinstance(error, SignInError | RateLimited):
                    stop = error
                yield StatelessReport(post.name, "failed", post.due_at, error=error)

    def _publish(self, post: _Keyed) -> StatelessReport:
        there = self._there(post)
        if there is not None:
            return there
        agent = self._signed_in()
        context = self._network.draft_context(agent.session.pds_url, lambda: agent, base=post.base)
        resolved = resolve_draft(draft_from_dict(with_quoted_link(post.row)), context)
        prepared = build(resolved.draft, resolved.dids)
        if prepared.pending:
            handle = prepared.pending[0].handle
            raise TemporaryError(
                f"@{handle} could not be looked up, so the post is not published yet.", hint="Run it again."
            )
        rkeys = [keyed_tid(post.due_at, post.key, index) for index in range(len(prepared.records))]
        frozen = freeze(prepared, did=agent.did, rkeys=rkeys, created_at=self._clock.now())
        try:
            video = self._network.video_upload(agent)
            sent = send(Repo(agent), frozen, Sending(lambda cid: resolved.media[cid](), video), self._clock)
        except RecordConflict:
            # Another run with the same key was faster: the repository is the ledger.
            report = self._there(post)
            if report is None:
                raise
            return report
        state: State = "existed" if sent.existed else "published"
        uri, cid = sent.frozen.uri, sent.frozen.cid
        return StatelessReport(
            post.name, state, post.due_at, uri, cid, app_link(uri, self._handle), tuple(resolved.warnings)
        )

    def _there(self, post: _Keyed) -> StatelessReport | None:
        """The post as it is in the repository, read without signing in."""
        params = {"repo": self._repo_name(), "collection": POST, "rkey": keyed_tid(post.due_at, post.key, 0)}
        try:
            record = self._public().query("com.atproto.repo.getRecord", params)
        except RecordNotFound:
            return None
        uri = str(record.get("uri"))
        return StatelessReport(
            post.name, "existed", post.due_at, uri, str(record.get("cid")), app_link(uri, self._handle)
        )

    def _repo_name(self) -> str:
        return self._signed_in().did if "@" in self._handle else self._handle

    def _public(self) -> Xrpc:
        """The account's server, without signing in."""
        if self._agent is not None:
            return self._agent.public
        if self._server is None:
            self._server = Xrpc(self._transport, self._pds_url(), clock=self._clock)
        return self._server

    def _pds_url(self) -> str:
        if self._config.service != DEFAULT_SERVICE:
            return self._config.service
        try:
            return self._network.resolver().resolve(self._handle).pds_url
        except SkywriteError:
            return self._signed_in().session.pds_url

    def _signed_in(self) -> Agent:
        """The agent of the account, which signs in on first use and raises what signing in raises."""
        if self._agent is None:
            password = self._config.app_password or ""
            service = self._config.service
            if service == DEFAULT_SERVICE:
                service = service_for(self._handle, self._network.resolver(), DEFAULT_SERVICE)
            session = create_session(self._transport, service, self._handle, password, clock=self._clock)
            self._agent = Agent(self._transport, session, clock=self._clock)
        return self._agent


def _wrong(problem: FileProblem) -> StatelessReport:
    error = InputError(problem.message, hint=problem.hint)
    return StatelessReport(problem.path, "failed", error=error, line=problem.line)


def _marked(reports: Iterable[StatelessReport], items: Mapping[str, Item]) -> list[StatelessReport]:
    from skywrite.posting.sources.marking import try_to_mark

    done = []
    for report in reports:
        if report.state in ("published", "existed") and report.uri and not items[report.name].published:
            warnings = try_to_mark(items[report.name].file, report.uri, report.name)
            report = replace(report, warnings=(*report.warnings, *warnings))
        done.append(report)
    return done
