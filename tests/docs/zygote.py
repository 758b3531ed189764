"""What each `skywrite` that a block types is forked from: `python -m` this file.

What lives here: what commands of the documentation have in common. Time begins at the moment that the environment
names, so that dates that a page shows are the dates that come. What does not: the forking (`tests.support.zygote`).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support import zygote

BEHIND = "BLOCKS_BEHIND_SECONDS"
STANDS = "BLOCKS_STANDS_AT"
LISTENS = b"Sign in (once"


def main(address: str) -> None:
    """Serve until the process that started this one is gone."""
    import tests.support.loaded  # noqa: F401

    assert 1 == threading.active_count()
    for module, name, other in elsewhere_unknown():
        setattr(module, name, other)
    zygote.serve(address, become)


def become(words: list[str]) -> None:
    """Become the command, at the time of the page. A worker does what is due and ends; a server ends as with Ctrl-C
    once it says that it listens."""
    set_back(os.environ)
    if words[:1] == ["run"] and not {"--once", "--call"} & {*words}:
        words = [*words, "--once"]
    if words[:1] == ["serve"]:
        words = _on_a_free_port(words)
        _stop_when_it_listens()
    zygote.skywrite(words)


def elsewhere_unknown() -> list[tuple[Any, str, Callable[..., Any]]]:
    """What to put in which place of which module, so that no look-up of a name leaves this computer."""
    from skywrite.protocol.atproto import identity

    look_up = socket.getaddrinfo

    def only_this_computer(host: Any, *more: Any, **options: Any) -> Any:
        if host in (None, "", "localhost", "127.0.0.1", "::1"):
            return look_up(host, *more, **options)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    return [(socket, "getaddrinfo", only_this_computer), (identity, "dns_txt", lambda name: ())]


def set_back(environ: Mapping[str, str]) -> None:
    """Let this process live at the time of the page."""
    from skywrite.core.clock import SystemClock

    behind = timedelta(seconds=float(environ.get(BEHIND, "0")))
    stands = datetime.fromisoformat(environ[STANDS]) if STANDS in environ else None
    SystemClock.now = lambda self: stands or datetime.now(UTC) - behind  # type: ignore[method-assign]


def _on_a_free_port(words: list[str]) -> list[str]:
    """The words with a free port in place of the one that a page shows."""
    if "--port" not in words:
        return [*words, "--port", "0"]
    place = words.index("--port")
    return [*words[: place + 1], "0", *words[place + 2 :]]


def _stop_when_it_listens() -> None:
    """Press Ctrl-C when the last line of the beginning has been printed."""
    real, (source, sink) = os.dup(1), os.pipe()
    os.dup2(sink, 1)
    os.close(sink)

    def copy() -> None:
        output = b""
        while piece := os.read(source, 4096):
            os.write(real, piece)
            output += piece
            if LISTENS in output:
                os.kill(os.getpid(), signal.SIGINT)
                output = b""

    threading.Thread(target=copy, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
