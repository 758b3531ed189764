"""The child's side of `contained`: takes calls from standard input, under limits, and says what came of them.

It has no secrets, opens no address, and may write no file. It is started with Python's isolated mode and ends when its
standard input does; after a call that may have left something behind, the parent ends it.
"""

from __future__ import annotations

import gc
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from inspect import signature
from typing import Any, get_type_hints

import msgspec

from skywrite.core.contained import READY, SOUND, SPENT
from skywrite.core.errors import SkywriteError

GARBAGE_OBJECTS = 20_000
_LENGTH = struct.Struct(">I")


def main(cpu_seconds: int, memory_bytes: int) -> None:
    """Answer calls until there are no more."""
    calls, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints is no reply.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit_once(memory_bytes)
    # Calls leave little garbage that is in cycles; looking for it often takes a tenth of their time.
    gc.set_threshold(GARBAGE_OBJECTS)
    replies.write(READY)
    replies.flush()
    while len(head := calls.read(_LENGTH.size)) == _LENGTH.size:
        message = calls.read(_LENGTH.unpack(head)[0])
        _limit_call(cpu_seconds)
        reply = _answer(message)
        replies.write(_LENGTH.pack(len(reply)) + reply)
        replies.flush()


def _answer(message: bytes) -> bytes:
    """The reply, which says first whether this process is fit for another call."""
    try:
        name, args, kwargs = msgspec.msgpack.decode(message)
        result = _call(name, args, kwargs)
        return SOUND + msgspec.msgpack.encode(("done", result))
    except SkywriteError as error:
        return SOUND + msgspec.msgpack.encode(("failed", _facts_of(error)))
    except MemoryError:
        facts = {"message": "Reading it takes more memory than it may."}
    except Exception as error:
        if os.environ.get("SKYWRITE_DEBUG"):
            raise
        facts = {"message": f"It could not be read ({type(error).__name__})."}
    return SPENT + msgspec.msgpack.encode(("failed", facts))


def _call(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), attribute)
    hints = get_type_hints(function)
    bound = signature(function).bind(*args, **kwargs)
    for parameter, value in bound.arguments.items():
        bound.arguments[parameter] = msgspec.convert(value, type=hints[parameter])
    return function(*bound.args, **bound.kwargs)


def _facts_of(error: SkywriteError) -> dict[str, str]:
    facts = {
        "module": type(error).__module__,
        "name": error.name,
        "code": error.code,
        "message": error.message,
        "hint": str(error.hint),
    }
    extra = getattr(error, "extra", None)
    return {**facts, "extra": extra} if isinstance(extra, str) else facts


def _limit_once(memory_bytes: int) -> None:
    """Memory, no files, no core dumps. Where the system has no such limits, the parent's clock is the only one."""
    with suppress(ImportError, ValueError, OSError, AttributeError):
        import resource

        for kind, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_AS, memory_bytes),
        ):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _limit_call(cpu_seconds: int) -> None:
    """Processor time counts from the beginning of the process; the call gets its share from now on."""
    with suppress(ImportError, ValueError, OSError, AttributeError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
