"""A stand-in for a PDS, inside your process: test a bot without touching the network.

    from skywrite.sandbox import Sandbox

    with Sandbox() as box:
        alice = box.account("alice.test")
        client.login(alice.handle, alice.app_password)     # a client made with base_url=box.url
        assert [post.text for post in box.posts("alice.test")] == ["Hello"]

In pytest, the fixture `skywrite_sandbox` is a running one, and `bot` a `Bot` that answers there. The names are loaded
on first use, because the plug-in is part of every pytest run and must cost nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skywrite.sandbox.accounts import Account
    from skywrite.sandbox.core import Post, Sandbox
    from skywrite.sandbox.faults import FaultKind
    from skywrite.sandbox.limits import Limit
    from skywrite.sandbox.pytest_plugin import Bot
    from skywrite.sandbox.serving import serve
    from skywrite.sandbox.transport import SandboxTransport
    from skywrite.sandbox.wire import Request

__all__ = ["Account", "Bot", "FaultKind", "Limit", "Post", "Request", "Sandbox", "SandboxTransport", "serve"]

_HOMES = {
    "Account": "accounts",
    "Bot": "pytest_plugin",
    "FaultKind": "faults",
    "Limit": "limits",
    "Post": "core",
    "Request": "wire",
    "Sandbox": "core",
    "SandboxTransport": "transport",
    "serve": "serving",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
