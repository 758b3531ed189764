"""Every error a user can meet: its class, its code, its exit code and what to do next.

What lives here: the tree below, and nothing that raises. A class is there to be caught; what went wrong exactly is its
`code`, such as `post.unknown` (`codes.py` lists all). Those at the right are defined next to the code that raises them.
The exit code and the status over HTTP belong to the class.

    SkywriteError               1  500   NotThere, CommandFailed (CommandStopped), UnreadableRow
    ├── InputError              2  422   your input is wrong; nothing was sent
    │   │                                InvalidTime (AmbiguousTime), PastTime, UnknownZone, UnknownRule, NeverHappens,
    │   │                                UnknownHandle, HandleDisputed, InvalidSyntax, AddressRefused, ImportFailed,
    │   │                                UnknownColumns, InvalidFrontMatter
    │   ├── BadRequest              400  a request that cannot be read
    │   ├── NotFound                404  no such post, account, feed ...
    │   ├── Conflict                409  not as things stand
    │   ├── ChangedMeanwhile        412  changed by somebody else; look again
    │   └── MissingExtra                 an optional part is not installed
    ├── SignInError             3  409   the account cannot be used until someone signs in
    │   ├── NotSignedIn                  WrongPassword, AuthFactorRequired, AccountUnavailable, MissingRight,
    │   │                                TokenRefused, InvalidGrant
    │   └── Unauthenticated         401  nobody knows who asks
    ├── TemporaryError          4  503   the network or a server said no for now
    │   │                                ServerFailure, IdentityUnavailable, FetchFailed (422),
    │   │                                VideoServiceUnavailable (UploadStopped)
    │   ├── NotSent                      the request never left: repeating is safe (NewProofNeeded)
    │   │   └── Stopping                 the program was asked to stop
    │   ├── NoAnswer                     the request may have been carried out: doubt
    │   │   ├── TimedOut                 the server was silent for too long
    │   │   └── CutOff                   the program was asked to stop meanwhile
    │   ├── RateLimited                  come back at `until`
    │   ├── Overloaded                   come back in `retry_seconds`
    │   └── Busy                    409  another process does it just now (LeaseLost)
    ├── RejectedError           5  422   a server refused it permanently
    │   │                                Refused (RecordNotFound, BlobNotFound, MethodNotSupported), StoredOtherwise,
    │   │                                RecordConflict (AnotherRecord), FetchRejected, FeedUnreadable, TooCostly
    │   └── NotAllowed              403  whoever asks may not do this
    ├── StorageError            1  503   the database cannot be used as asked
    │                                    DatabaseUnavailable (CommitInDoubt), DatabaseConflict, BrokenRule, WrongKey,
    │                                    DiskFull (507)
    ├── NeedsDecision           1  500   a post waits for somebody to decide
    ├── HttpProblem             1        MethodNotAllowed (405), RequestTimeout (408), UploadGone (410),
    │                                    BodyTooLarge (413), WrongMediaType (415), TooManyRequests (429)
    └── Unexpected              1  500   a bug in Skywrite, limited to one file, row or item

Messages hold no secrets: no passwords, tokens or keys.
"""

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import ClassVar, NamedTuple, Self


class Do(NamedTuple):
    """Something to do next, as a value that each interface puts into its own words.

    `operation` is a method of `Skywrite` (`posts.release`), or `argument`. `target` is what it applies to, or the
    argument's name; `account` is whose it is, where the target does not say it.
    """

    operation: str
    target: str | int | None = None
    account: str | None = None

    def __str__(self) -> str:
        """As Python code."""
        if self.operation == "argument":
            return f"{self.target}=..."
        arguments = [repr(value) for value in (self.account, self.target) if value is not None]
        return f"sky.{self.operation}({', '.join(arguments)})"


class Hint(str):
    """What to do next: text with operations in it. As a plain string it shows Python; `said` renders it differently.

    Hint("Publish it now: ", Do("posts.release", 12))
    """

    parts: tuple[str | Do, ...]

    def __new__(cls, *parts: str | Do) -> Self:
        hint = super().__new__(cls, "".join(map(str, parts)))
        hint.parts = parts
        return hint

    def said(self, words: Callable[[Do], str]) -> str:
        """The hint, with its operations rendered by `words`."""
        return "".join(words(part) if isinstance(part, Do) else part for part in self.parts)


SIGN_IN = Hint("Sign in: ", Do("accounts.login"))


def sign_in_as(handle: str) -> Hint:
    """What to do when nobody is signed in as somebody."""
    return Hint("Sign in: ", Do("accounts.login", handle))


class Notice(str):
    """A warning: something that the author should know, and that stopped nothing. As a plain string it is the message.

    `name` is stable, like that of an error. `about` is what it concerns: a handle, an address, a file, a post's number.
    """

    name: str
    about: str | int | None

    def __new__(cls, name: str, message: str, about: str | int | None = None) -> Self:
        notice = super().__new__(cls, message)
        notice.name, notice.about = name, about
        return notice

    def as_dict(self) -> dict[str, str | int | None]:
        """The object that interfaces return."""
        return {"warning": self.name, "message": str(self), "about": self.about}


class SkywriteError(Exception):
    """The base of all errors: what happened (`message`), and what to do next (`hint`, may be empty).

    `code` is stable and says which error of its class it is; `codes.py` lists all of them. `exit_code` is what the
    command line exits with, and `http_status` what the server answers with: both belong to the class.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    code: str = "skywrite.error"

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code

    @property
    def name(self) -> str:
        """The name of the class: what a program catches. `code` says more."""
        return type(self).__name__

    @property
    def response(self) -> SimpleNamespace | None:
        """What the server answered, under the atproto SDK's names; None if no answer came.

        It has `status_code`, `content` with `error` and `message`, and `headers`, of which the limit's end is known.
        """
        status, until = getattr(self, "status", None), getattr(self, "until", None)
        if status is None:
            return None
        content = SimpleNamespace(error=getattr(self, "server_error", None) or self.name, message=self.message)
        headers = {} if until is None else {"ratelimit-reset": str(int(until.timestamp()))}
        return SimpleNamespace(success=False, status_code=status, content=content, headers=headers)

    def about(self, what: str) -> Self:
        """The same error, with the post, file or line that it is about in front of its message."""
        if what:
            self.message = f"{what}: {self.message}"
            self.args = (self.message,)
        return self

    @property
    def facts(self) -> dict[str, str]:
        """What a line of the log says about it: error, code, message."""
        return {"error": self.name, "code": self.code, "message": self.message}

    def as_dict(self) -> dict[str, str]:
        """The object that `--json` prints: error, code, message, hint."""
        return {**self.facts, "hint": self.hint}


class InputError(SkywriteError):
    """Your input is wrong. Nothing was sent and nothing was stored."""

    code = "input.invalid"

    exit_code = 2
    http_status = 422


class BadRequest(InputError):
    """A request that cannot be read as one."""

    http_status = 400


class NotFound(InputError):
    """There is nothing with this number or name."""

    http_status = 404


class Conflict(InputError):
    """It does not fit to how things stand: a post is published already, a feed is followed already."""

    http_status = 409


class MissingExtra(InputError):
    """An optional part is not installed. `extra` is its name in `pip install ".[name]"`."""

    code = "extra.missing"

    def __init__(self, message: str, *, extra: str, hint: str = "") -> None:
        super().__init__(message, hint=hint or f"Install it: {install_command(extra)}")
        self.extra = extra


def install_command(extra: str) -> str:
    """The command that installs an optional part, from where Skywrite itself came from: no index has it yet.

    Where that is not known, it is for the folder of a clone.
    """
    import json
    import sys
    from importlib import metadata
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    try:
        origin = json.loads(metadata.distribution("skywrite").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        origin = {}
    url = urlsplit(str(origin.get("url", "")))
    place = unquote(url.path) if url.scheme == "file" and origin.get("dir_info") is not None else "."
    by = "pipx install --force" if Path(sys.prefix, "pipx_metadata.json").exists() else "pip install"
    return f'{by} "{place}[{extra}]"'


class SignInError(SkywriteError):
    """The account cannot be used until someone signs in again."""

    exit_code = 3
    http_status = 409


class Unauthenticated(SignInError):
    """Nobody knows who asks: a key, a passkey or a sign-in at the page is missing or wrong."""

    http_status = 401


class ServerAnswer:
    """What the server said, for errors that come from a response: HTTP status, error name, request id."""

    status: int | None = None
    server_error: str | None = None
    request_id: str | None = None


class TemporaryError(SkywriteError, ServerAnswer):
    """The network or a server failed for now. The same request may work later."""

    code = "server.unavailable"

    exit_code = 4
    http_status = 503


class Busy(TemporaryError):
    """Another process does the same just now, or was faster; nothing was changed."""

    http_status = 409


class Overloaded(TemporaryError):
    """Too much is under way here at once. `retry_seconds` is when to try again."""

    def __init__(self, message: str, *, code: str = "", hint: str = "", retry_seconds: int = 1) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_seconds = retry_seconds


class NotSent(TemporaryError):
    """There was no connection, so nothing was carried out and repeating is safe."""

    code = "server.unreachable"


class Stopping(NotSent):
    """The program was asked to stop, so nothing more is sent."""

    code = "program.stopping"


class NoAnswer(TemporaryError):
    """The request was sent, but no usable response came back. It may have been carried out or not."""

    code = "server.no_answer"


class TimedOut(NoAnswer):
    """The server did not respond in time. An immediate retry would probably wait as long again."""

    code = "server.timed_out"


class CutOff(NoAnswer):
    """The program was asked to stop while it waited for the server."""

    code = "program.cut_off"


# They say nothing about what was asked for: whoever meets one leaves everything as it was, for the next process.
ENDED = (Stopping, CutOff)


class RateLimited(TemporaryError):
    """The server asks to wait. `until` is when its limit ends, as an aware datetime in UTC."""

    code = "server.rate_limited"

    def __init__(self, message: str, *, until: datetime, hint: str = "") -> None:
        super().__init__(message, hint=hint or f"Try again after {until:%Y-%m-%d %H:%M:%S} UTC.")
        self.until = until

    @property
    def reset_at(self) -> datetime:
        """The atproto SDK's name for `until`."""
        return self.until


class RejectedError(SkywriteError, ServerAnswer):
    """A server refused the request permanently. It will refuse the same request again."""

    code = "server.rejected"

    exit_code = 5
    http_status = 422


class NotAllowed(RejectedError):
    """Whoever asks may not do this."""

    http_status = 403


class NeedsDecision(SkywriteError):
    """A post that does not go out by itself any more: somebody decides what becomes of it."""


class StorageError(SkywriteError):
    """The database cannot be used: full disk, read-only, newer version, locked for too long."""

    http_status = 503


class Unexpected(SkywriteError):
    """A bug in Skywrite, reported for the one file, row, item or account where it happened."""

    code = "skywrite.bug"

    @classmethod
    def of(cls, error: Exception) -> SkywriteError:
        """The error itself if it is one of ours. Of others, only the class is named: messages may contain secrets."""
        if isinstance(error, SkywriteError):
            return error
        return cls(
            f"Something went wrong inside Skywrite ({type(error).__name__}).", hint="The others are not affected."
        )
