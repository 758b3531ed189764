"""Programs with functions that return posts: the functions' times, and loading a program's file.

What lives here: the options that a function is registered with, and reading what it returns. What does not: running it
(`app`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from skywrite.core.errors import InputError, SkywriteError
from skywrite.posting.compose.draft import Draft

MODULE_PREFIX = "skywrite_app_"
MESSAGE_CHARACTERS = 200
_PACKAGE = str(Path(__file__).parents[1])
_COROUTINE_FLAGS = 0x80 | 0x100 | 0x200


@dataclass(frozen=True, slots=True)
class Function:
    """A function that returns posts, and its times."""

    name: str
    call: Callable[[], Any]
    rule: str
    zone: str | None = None
    account: str | None = None
    late: str | None = None

    @property
    def folder(self) -> Path:
        """The folder of its file; paths of images are relative to it."""
        return folder_of(self.call)

    def draft(self) -> Draft | Mapping[str, Any] | None:
        """Call it. Returns a draft, the row of one, or None. Raises SkywriteError."""
        try:
            value = self.call()
        except SkywriteError:
            raise
        except Exception as error:
            raise SkywriteError(
                f"{self.name} raised {described(error)}.", code="function.failed", hint="Fix the function."
            ) from error
        return draft_of(self.name, value)


def draft_of(name: str, value: object) -> Draft | Mapping[str, Any] | None:
    """What a function returned, as a draft, the row of one, or None. Raises SkywriteError."""
    if value is None or isinstance(value, Draft | Mapping):
        return value or None
    if isinstance(value, str):
        return {"text": value} if value.strip() else None
    raise SkywriteError(
        f"{name} returned a value of type {type(value).__name__}.",
        code="function.failed",
        hint="Return a string, a dict with the fields of a draft, a Draft, or None to post nothing.",
    )


def folder_of(call: Callable[..., Any]) -> Path:
    """The folder of a function's file."""
    code = getattr(call, "__code__", None)
    return Path(code.co_filename).resolve().parent if code else Path()


def check_function(call: Callable[..., Any], name: str | None, *, may_wait: bool = False) -> str:
    """The name of a function, which identifies its posts permanently; `may_wait`: it may be asynchronous.

    Raises InputError.
    """
    own_name = getattr(call, "__name__", "") if name is None else name
    if not own_name.isidentifier():
        raise InputError(
            f"A function needs a name, and {own_name!r} has none.",
            code="program.invalid",
            hint='Give it one: every(..., name="news")',
        )
    code = getattr(call, "__code__", None)
    if code is not None and code.co_flags & _COROUTINE_FLAGS and not may_wait:
        raise InputError(
            f"{own_name} is asynchronous; a scheduled function must be a plain one.",
            code="program.invalid",
            hint="Use def, not async def.",
        )
    return own_name


def load_program(path: Path) -> ModuleType:
    """Run a Python file as a module, with its folder first on the import path. Raises InputError."""
    from importlib.util import module_from_spec, spec_from_file_location

    if not path.is_file():
        raise InputError(f"There is no program {path}.", code="program.invalid", hint="Check the name and the folder.")
    spec = spec_from_file_location(f"{MODULE_PREFIX}{path.stem}", path)
    if spec is None:
        raise InputError(f"{path} is not a Python file.", code="program.invalid", hint="Its name ends in .py.")
    module = module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.modules[module.__name__] = module
    try:
        # Not by the loader: it may run bytecode of an older text, if size and second of both are the same.
        exec(compile(path.read_bytes(), path, "exec"), vars(module))
    except SkywriteError as error:
        raise error.about(str(path)) from None
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{path} cannot be loaded: {described(error)}.", code="program.invalid", hint="Fix the program."
        ) from error
    return module


def described(error: BaseException) -> str:
    """An error of the user's code in one line: its type, its message, and where it happened."""
    import traceback

    message = " ".join(str(error).split())[:MESSAGE_CHARACTERS]
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {message}"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith((_PACKAGE, "<frozen"))]
    where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}{f': {message}' if message else ''}{where}"
