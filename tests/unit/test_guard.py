"""The guard's judgement of addresses: what is public, how hosts are read, what is let through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import InputError, NotSent
from skywrite.protocol.fetch.guard import AddressRefused, Guard, Target, is_public_address
from tests.support.processes import PATIENCE_SECONDS

PUBLIC = "93.184.216.34"

CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::ffff:0:7f00:1",
    "::ffff:0:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700:4700::1111%eth0",
    "fec0::1",
    "fe80::5efe:8.8.8.8",
    "ff02::1",
    "ff0e::1",
]

OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    PUBLIC,
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2606:4700::5efe:8.8.8.8",
]

NO_ADDRESS = ["", " ", "8.8.8.8 ", "8.8.8.8\n", "8.8.8", "127.1", "2130706433", "0x8.8.8.8", "08.8.8.8", "８.8.8.8"]
NO_ADDRESS += ["[2606:4700::1]", "localhost", "8.8.8.8/32", "8.8.8.8:80", "example.com", "::g", "\x00", "\ud800", "%"]


def guard_of(*answers: str, allow: Sequence[str] = ()) -> Guard:
    """A guard for which every name has these addresses."""
    return Guard(allow, resolve=lambda host, port: list(answers))


def no_lookup(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize("ip", CLOSED)
def test_addresses_that_are_not_global_unicast_are_closed(ip: str) -> None:
    """Private, local, reserved, documentation, multicast and tunnelled addresses are not public, in any disguise."""
    assert is_public_address(ip) is False


@pytest.mark.parametrize("ip", OPEN)
def test_global_addresses_are_open(ip: str) -> None:
    """Ordinary addresses, the neighbours of every closed network, and disguises of ordinary ones are public."""
    assert is_public_address(ip) is True


@pytest.mark.parametrize("ip", NO_ADDRESS)
def test_what_is_no_address_is_not_public(ip: str) -> None:
    """A text that is not exactly one IP address is not public."""
    assert is_public_address(ip) is False


@pytest.mark.parametrize("value", [None, 134744072, b"\x08\x08\x08\x08", 8.8, ["8.8.8.8"], ip_address("8.8.8.8")])
def test_what_is_no_text_is_not_public(value: object) -> None:
    """Numbers, bytes and objects are not read as addresses."""
    assert is_public_address(value) is False  # type: ignore[arg-type]


@given(st.text())
def test_any_text_is_judged_without_an_error(text: str) -> None:
    """No text makes the judgement fail."""
    assert is_public_address(text) in (True, False)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_the_own_judgement_is_never_softer_than_the_standard_library(address: IPv4Address) -> None:
    """What Python calls private, reserved or multicast is never public here."""
    soft = address.is_global and not (address.is_reserved or address.is_multicast)
    assert is_public_address(str(address)) <= soft


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_no_ipv6_address_is_softer_than_the_standard_library(address: IPv6Address) -> None:
    """The same for IPv6."""
    soft = address.is_global and not (address.is_reserved or address.is_multicast or address.is_site_local)
    assert is_public_address(str(address)) <= soft


CLOSED_V4 = st.sampled_from(
    [IPv4Network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "100.64.0.0/10")]
).flatmap(lambda network: st.integers(int(network[0]), int(network[-1])))


@given(CLOSED_V4 | st.integers(0, 2**32 - 1))
def test_an_embedded_address_is_judged_like_the_bare_one(number: int) -> None:
    """Mapped, NAT64, 6to4 and ISATAP forms are as public as the IPv4 address in them; other forms never are."""
    bare = is_public_address(str(IPv4Address(number)))
    judged = [
        f"::ffff:{IPv4Address(number)}",
        str(IPv6Address((0x64FF9B << 96) + number)),
        str(IPv6Address((0x2002 << 112) + (number << 80) + 1)),
        str(IPv6Address((0x26064700 << 96) + (0x5EFE << 32) + number)),
    ]
    never = [
        str(IPv6Address(number)),
        str(IPv6Address((0xFFFF << 48) + number)),
        str(IPv6Address((0x64FF9B0001 << 80) + number)),
    ]
    assert [bare] * 4 + [False] * 3 == [is_public_address(ip) for ip in judged + never]


LOCAL_HOSTS = [
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "sub.localhost",
    "ⓛocalhost",
    "local\u00adhost",
    "１２７.０.０.１",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "127%2e0%2E0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fec0::1]",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "192.0.0.192",
]


@pytest.mark.parametrize("host", LOCAL_HOSTS)
def test_every_spelling_of_a_local_host_is_refused_without_a_lookup(host: str) -> None:
    """Numbers, octal, hexadecimal, full width, percent signs and embedded forms do not get past the guard."""
    with pytest.raises(AddressRefused):
        Guard(resolve=no_lookup).check(f"http://{host}/latest/meta-data/")


@pytest.mark.parametrize(
    "url",
    [
        "http:127.0.0.1/",
        "http:///127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "ht\ttp://127.0\n.0.1/",
        "  http://127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1#@example.com/",
        "http://127.0.0.1?@example.com/",
        "http://127.0.0.1\\@example.com/",
    ],
)
def test_an_address_is_read_as_the_dialler_reads_it(url: str) -> None:
    """Odd slashes, tabs and misplaced signs lead to the host that would be dialled, and that is judged."""
    with pytest.raises(AddressRefused):
        Guard(resolve=no_lookup).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "gopher://example.com/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "data:text/html,hello",
        "javascript:alert(1)",
        "ws://example.com/",
        "dict://example.com:2628/",
        "unix:/run/docker.sock",
        "about:blank",
        "example.com",
        "//example.com/",
        "/etc/passwd",
        "",
        "http://",
        "http:",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://exa mple.com/",
        "http://a%00b/",
        "http://a%2fb/",
        "http://example.com:99999/",
        "http://example.com/\ud800",
        "http://example.com/" + "a" * 9000,
    ],
)
def test_other_schemes_and_broken_addresses_are_refused(url: str) -> None:
    """Only whole http and https addresses are opened, whatever else the text looks like."""
    with pytest.raises(AddressRefused):
        Guard(["0.0.0.0/0", "::/0"], resolve=no_lookup).check(url)


@pytest.mark.parametrize("userinfo", ["user@", "user:secret@", ":secret@"])
def test_user_names_and_passwords_are_refused_and_not_repeated(userinfo: str) -> None:
    """An address with credentials is refused, and the sentence does not hold the password."""
    with pytest.raises(AddressRefused) as caught:
        Guard(resolve=no_lookup).check(f"https://{userinfo}example.com/")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("port", [0, 1, 21, 22, 25, 53, 81, 110, 143, 445, 993, 1023, 3306, 5432, 6379, 6667, 11211])
def test_ports_of_other_services_are_refused_without_a_lookup(port: int) -> None:
    """Mail, databases, caches and everything below 1024 but 80 and 443 are no web pages."""
    with pytest.raises(AddressRefused):
        Guard(resolve=no_lookup).check(f"http://example.com:{port}/")


@pytest.mark.parametrize("port", [80, 443, 1024, 3000, 8000, 8080, 8443, 65535])
def test_ports_of_web_servers_are_open(port: int) -> None:
    """80, 443 and most of the high ports are opened."""
    assert port == guard_of(PUBLIC).check(f"http://example.com:{port}/").port


def test_a_checked_address_is_normalised_and_pinned() -> None:
    """The target holds the address as the client writes it, without fragment, and the resolver's answers."""
    target = guard_of(PUBLIC, "2606:4700::1").check("HTTPS://Bücher.example:443/ü/../a_b?q=ü#part")
    expected = Target(
        "https://xn--bcher-kva.example/a_b?q=%C3%BC", "https", "xn--bcher-kva.example", 443, (PUBLIC, "2606:4700::1")
    )
    assert expected == target


def test_a_public_number_needs_no_lookup() -> None:
    """An address in numbers is its own answer."""
    assert ("2606:4700::1",) == Guard(resolve=no_lookup).check("http://[2606:4700:0::1]:8080/").addresses


def test_a_host_with_an_underscore_is_a_host() -> None:
    """Names that DNS has and strict rules have not are opened."""
    assert "a_b.example" == guard_of(PUBLIC).check("https://a_b.example/").host


def test_a_last_dot_stays_with_the_name() -> None:
    """The dot that ends search domains reaches the resolver and the pin, which must have the same name."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC]

    assert ["example.com.", "example.com."] == [Guard(resolve=resolve).check("http://example.com./").host, *asked]


@pytest.mark.parametrize("private", ["127.0.0.1", "10.0.0.1", "::1", "fd00:ec2::254", "fe80::1%eth0", "::ffff:7f00:1"])
@pytest.mark.parametrize(
    "order", [lambda public, private: [public, private], lambda public, private: [private, public]]
)
def test_mixed_answers_are_refused(private: str, order: Callable[[str, str], list[str]]) -> None:
    """One answer that is not public refuses the name, wherever it stands."""
    with pytest.raises(AddressRefused, match="not a public address"):
        guard_of(*order(PUBLIC, private)).check("https://example.com/")


def test_a_name_is_looked_up_once() -> None:
    """The answer that was judged is the one that is handed out: the second answer is never asked for."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    target = Guard(resolve=lambda host, port: next(answers)).check("https://rebind.example/")
    assert ((PUBLIC,), ["127.0.0.1"]) == (target.addresses, next(answers))


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_an_unknown_name_is_a_sentence(error: Exception) -> None:
    """A name without address is not sent, and says so."""

    def resolve(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(NotSent, match=r"No address was found for nowhere\.example"):
        Guard(resolve=resolve).check("https://nowhere.example/")


def test_an_empty_answer_is_an_unknown_name() -> None:
    """A resolver that answers nothing has found nothing."""
    with pytest.raises(NotSent, match="No address was found"):
        guard_of().check("https://example.com/")


def test_a_resolver_that_hangs_is_left_behind() -> None:
    """A lookup that does not end in time is given up."""
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait(PATIENCE_SECONDS)
        return [PUBLIC]

    with pytest.raises(NotSent, match="in time"):
        Guard(resolve=resolve).check("https://example.com/", timeout_seconds=0.05)
    release.set()


@pytest.mark.parametrize(
    ("entry", "url", "answer"),
    [
        ("nas.example", "http://nas.example/", "10.0.0.5"),
        ("NAS.Example.", "http://nas.example:631/", "10.0.0.5"),
        ("nas.example", "http://nas.example./", "10.0.0.5"),
        ("nas.example:8080", "http://nas.example:8080/", "10.0.0.5"),
        ("bücher.example", "http://xn--bcher-kva.example/", "10.0.0.5"),
        ("10.0.0.5", "http://nas.example/", "10.0.0.5"),
        ("10.0.0.5", "http://10.0.0.5:25/", ""),
        ("10.0.0.0/8", "http://10.1.2.3/", ""),
        ("10.0.0.5/8", "http://10.1.2.3/", ""),
        ("127.0.0.1", "http://localhost:5000/", "127.0.0.1"),
        ("127.0.0.1", "http://2130706433/", ""),
        ("127.0.0.0/8", "http://[::ffff:127.0.0.1]/", ""),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/", ""),
        ("::1", "http://[::1]/", ""),
        ("[fd00::1]:8080", "http://[fd00::1]:8080/", ""),
        ("fd00::/8", "http://wiki.example/", "fd00::7"),
        ("localhost", "http://localhost:3000/", "127.0.0.1"),
        ("example.com:25", "http://example.com:25/", PUBLIC),
    ],
)
def test_what_is_allowed_is_let_through(entry: str, url: str, answer: str) -> None:
    """A host, an address or a network, with or without a port, opens exactly what it names."""
    guard = Guard([entry], resolve=(lambda host, port: [answer]) if answer else no_lookup)
    assert url.partition("//")[0] == guard.check(url).scheme + ":"


@pytest.mark.parametrize(
    ("entry", "url", "answer"),
    [
        ("nas.example", "http://other.example/", "10.0.0.5"),
        ("nas.example", "http://sub.nas.example/", "10.0.0.5"),
        ("nas.example", "http://nas.example.evil.example/", "10.0.0.5"),
        ("nas.example", "http://10.0.0.5/", ""),
        ("nas.example:8080", "http://nas.example:8081/", "10.0.0.5"),
        ("nas.example:80", "http://nas.example:8080/", "10.0.0.5"),
        ("10.0.0.5", "http://10.0.0.6/", ""),
        ("127.0.0.1:9000", "http://127.0.0.1:9001/", ""),
        ("127.0.0.1", "http://[::1]/", ""),
        ("10.0.0.0/8", "http://localhost/", "127.0.0.1"),
        ("example.com:8080", "http://example.com:25/", PUBLIC),
    ],
)
def test_an_entry_opens_nothing_else(entry: str, url: str, answer: str) -> None:
    """Another port, a neighbour, a subdomain or a longer name stay closed."""
    guard = Guard([entry], resolve=(lambda host, port: [answer]) if answer else no_lookup)
    with pytest.raises(AddressRefused):
        guard.check(url)


@pytest.mark.parametrize(
    "entry",
    [
        *("", "*", "http://nas.example", "nas.example/path", "a b", "nas:99999", "nas:0", "user@nas", "[::1", ":80"),
        *("10.0.0.0/99", "nas:", "nas:+80", "nas: 80", "nas:080", "nas:80:90", "10.0.0.0/8:80", "127.1:80"),
        *("0x7f000001", "[nas]:80", "nas:\uff18\uff10", "nas:8o", "nas:-1", "::1:http"),
    ],
)
def test_a_wrong_entry_is_said(entry: str) -> None:
    """An entry that could never match is an error with an example of a right one."""
    with pytest.raises(InputError) as caught:
        Guard([entry])
    assert "nas.example:8080" in caught.value.hint
