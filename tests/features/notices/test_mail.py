"""What the mail of a notice is sent with."""

from __future__ import annotations

import pytest

from skywrite.core.errors import InputError
from skywrite.features.notices.mail import check_mail, server_of

GOOD = {"to": "me@example.com", "from": "bot@example.com", "server": "mail.example.com"}


@pytest.mark.parametrize("name", ["to", "from"])
@pytest.mark.parametrize("text", ["", "me", "me you@x.test", "a@x.test,b@x.test", "<me@x>", "me@x.test\n", '"me"@x'])
def test_what_is_no_address_is_refused(name: str, text: str) -> None:
    """One plain address: no list, no name before it, no second line."""
    with pytest.raises(InputError, match="not an e-mail address"):
        check_mail({**GOOD, name: text})
    check_mail(GOOD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail.example.com", ("mail.example.com", 587)),
        ("mail.example.com:25", ("mail.example.com", 25)),
        ("mail.example.com:1", ("mail.example.com", 1)),
        ("mail.example.com:65535", ("mail.example.com", 65_535)),
    ],
)
def test_a_server_has_a_port(text: str, expected: tuple[str, int]) -> None:
    """The one that is given, else the one for mail that is sent in."""
    assert expected == server_of({"server": text})


@pytest.mark.parametrize("text", ["", ":25", "mail:0", "mail:65536", "mail:x", "mail:-1"])
def test_what_is_no_server_is_refused(text: str) -> None:
    """No name, or a port that does not exist."""
    with pytest.raises(InputError):
        server_of({"server": text})
