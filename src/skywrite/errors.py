"""Every error a user can meet, with its stable name, its exit code and what to do next.

What lives here: the tree below, and nothing that raises. Each layer raises these classes, or subclasses of them
that it defines beside the code that raises them; a subclass never changes its branch's exit code.

    SkywriteError                 1   anything that has no better place
    ├── InputError                2   what was given is wrong; nothing was sent
    │   └── MissingExtra              an optional part is not installed
    ├── SignInError               3   the account cannot be used until someone signs in
    ├── TemporaryError            4   the network or a server said no for now
    │   ├── NotSent                   the request never left: repeating is safe
    │   ├── NoAnswer                  the request may have been carried out: doubt
    │   │   └── TimedOut              the server was silent for too long
    │   └── RateLimited               come back at `until`
    ├── RejectedError             5   a server refused it permanently
    ├── StorageError              1   the database cannot be used as asked
    └── Unexpected                1   a surprise inside Skywrite, kept to the file, row or item that met it

The name of an error is the name of its class. Messages hold no secrets: no passwords, tokens or keys.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, NamedTuple, Self


class Do(NamedTuple):
    """Something to do next, as a value that each interface says in its own words.

    `operation` is a name of `Skywrite`'s (`posts.release`), or `argument`; `target` is what it is done to, or the
    argument's name.
    """

    operation: str
    target: str | int | None = None

    def __str__(self) -> str:
        """In the words of Python."""
        if self.operation == "argument":
            return f"{self.target}=..."
        return f"sky.{self.operation}({'' if self.target is None else repr(self.target)})"


class Hint(str):
    """What to do next: text with operations in it. As a plain string it speaks Python; `said` speaks otherwise.

    Hint("Publish it now: ", Do("posts.release", 12))
    """

    parts: tuple[str | Do, ...]

    def __new__(cls, *parts: str | Do) -> Self:
        made = super().__new__(cls, "".join(map(str, parts)))
        made.parts = parts
        return made

    def said(self, words: Callable[[Do], str]) -> str:
        """The hint with its operations in other words."""
        return "".join(words(part) if isinstance(part, Do) else part for part in self.parts)


SIGN_IN = Hint("Sign in: ", Do("accounts.login"))


class Notice(str):
    """A warning: something that the writer should know, and that stopped nothing. As a plain string it is the message.

    `name` is stable, as that of an error; `about` is what it concerns: a handle, an address, a file, a post's number.
    """

    name: str
    about: str | int | None

    def __new__(cls, name: str, message: str, about: str | int | None = None) -> Self:
        made = super().__new__(cls, message)
        made.name, made.about = name, about
        return made

    def as_dict(self) -> dict[str, str | int | None]:
        """The object that interfaces return."""
        return {"warning": self.name, "message": str(self), "about": self.about}


class SkywriteError(Exception):
    """What happened (`message`), to what, and what to do next (`hint`, may be empty)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def name(self) -> str:
        """The stable name that scripts may match on."""
        return type(self).__name__

    def about(self, what: str) -> Self:
        """The same error, saying first which post, file or line it is about."""
        if what:
            self.message = f"{what}: {self.message}"
            self.args = (self.message,)
        return self

    def as_dict(self) -> dict[str, str]:
        """The object that `--json` prints: error, message, hint."""
        return {"error": self.name, "message": self.message, "hint": self.hint}


class InputError(SkywriteError):
    """What was given is wrong; nothing was sent and nothing was stored."""

    exit_code = 2


class MissingExtra(InputError):
    """An optional part is not installed. `extra` is its name in `pip install "skywrite[name]"`."""

    def __init__(self, message: str, *, extra: str, hint: str = "") -> None:
        super().__init__(message, hint=hint or f'Install it: pip install "skywrite[{extra}]"')
        self.extra = extra


class SignInError(SkywriteError):
    """The account cannot be used until someone signs in again."""

    exit_code = 3


class ServerAnswer:
    """What a server said, for errors that come from an answer: status, error name, request id."""

    status: int | None = None
    server_error: str | None = None
    request_id: str | None = None


class TemporaryError(SkywriteError, ServerAnswer):
    """The network or a server said no for now; the same request may work later."""

    exit_code = 4


class NotSent(TemporaryError):
    """No connection was made, so nothing was carried out and repeating is safe."""


class NoAnswer(TemporaryError):
    """The request left and no usable answer came back: it may have been carried out or not."""


class TimedOut(NoAnswer):
    """The server was silent for as long as we wait. Asking again at once would wait as long again."""


class RateLimited(TemporaryError):
    """The server asks to wait. `until` is when its limit ends (UTC)."""

    def __init__(self, message: str, *, until: datetime, hint: str = "") -> None:
        super().__init__(message, hint=hint or f"Try again after {until:%Y-%m-%d %H:%M:%S} UTC.")
        self.until = until


class RejectedError(SkywriteError, ServerAnswer):
    """A server refused it permanently; the same request will be refused again."""

    exit_code = 5


class StorageError(SkywriteError):
    """The database cannot be used as asked (full disk, read-only, newer version, locked too long)."""


class Unexpected(SkywriteError):
    """A surprise inside Skywrite, reported for the one file, row, item or account that met it."""

    @classmethod
    def of(cls, error: Exception) -> SkywriteError:
        """The error itself if it is one of ours; any other is named by its kind only, whatever its message holds."""
        if isinstance(error, SkywriteError):
            return error
        return cls(
            f"Something went wrong inside Skywrite ({type(error).__name__}).", hint="The others are not affected."
        )
