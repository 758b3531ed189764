"""The guard: which untrusted addresses may be opened, and at which IP address exactly.

What lives here: checks of IP addresses, ports, schemes and hosts, and name resolution. What does not: requests.
The HTTP client's own parser (`http.parse_url`) reads an address, so 127.1, 0x7f000001, full-width digits and
backslashes mean the same here and there. Names are resolved once, here, and the client connects to the checked result.

The machine's own public addresses count as public: what listens on them is already open to the world.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from skywrite.core.errors import InputError, NotSent
from skywrite.core.http import WebUrl, parse_url

URL_LENGTH_MAX = 8192
ADDRESSES_MAX = 8
RESOLVE_TIMEOUT_SECONDS = 10.0
# The code of an address to which another one redirects, and not the one that was given.
REDIRECT_REFUSED = "address.redirect_refused"

# The IANA special-purpose registry (RFC 6890 and its successors), and 168.63.129.16, the metadata server of Azure,
# which is reachable only from inside although its number is public.
_V4_CLOSED = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_V6_UNICAST = IPv6Network("2000::/3")
# Protocol assignments (Teredo, benchmarking, ORCHID) and both documentation blocks.
_V6_CLOSED = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_V6_MAPPED = IPv6Network("::ffff:0:0/96")
_V6_NAT64 = IPv6Network("64:ff9b::/96")
_V6_6TO4 = IPv6Network("2002::/16")
_ISATAP_MARKS = (0x00005EFE, 0x02005EFE)

_PORTS_BELOW_1024 = (80, 443)
# The bad ports of the Fetch standard from 1024 up, then databases, caches, remote desktops and container engines.
# fmt: off
_PORTS_REFUSED = frozenset((
    1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
    1433, 1521, 2375, 2376, 3306, 3389, 5432, 5900, 6379, 11211, 27017,
))
# fmt: on
_RULE = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/\\?#@\[\]]+)(?::(?P<port>[1-9][0-9]{0,4}))?")
_RULE_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")

Resolve = Callable[[str, int], Sequence[str]]


class AddressRefused(InputError):
    """The address may not be opened: its scheme, host, port or IP address is not allowed."""

    code = "address.refused"

    def __init__(
        self, message: str, *, code: str = "", hint: str = "Check the address: only public web pages are opened."
    ) -> None:
        super().__init__(message, code=code, hint=hint)


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address. `url` is normalised, without fragment; connect only to `addresses` for it."""

    url: str
    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]


def is_public_address(ip: str) -> bool:
    """Whether an IP address is global unicast, so that an untrusted address may resolve to it.

    Embedded IPv4 addresses (mapped, NAT64 64:ff9b::/96, 6to4, ISATAP) are checked as well. False for anything that is
    not an address, for zone ids, and for site-local, translated, compatible, Teredo and local NAT64 forms. Never
    raises.
    """
    if not isinstance(ip, str) or "%" in ip:
        return False
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return _public_v4(address) if isinstance(address, IPv4Address) else _public_v6(address)


def _public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _V4_CLOSED)


def _public_v6(address: IPv6Address) -> bool:
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if address in _V6_MAPPED or address in _V6_NAT64:
        return _public_v4(last)
    if address not in _V6_UNICAST or any(address in network for network in _V6_CLOSED):
        return False
    if address in _V6_6TO4 and not _public_v4(IPv4Address(number >> 80 & 0xFFFFFFFF)):
        return False
    return number >> 32 & 0xFFFFFFFF not in _ISATAP_MARKS or _public_v4(last)


def resolve_host(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's order of preference."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


@dataclass(frozen=True, slots=True)
class _Rule:
    """One entry of the allow list. `port` None means every port."""

    host: str | None
    network: IPv4Network | IPv6Network | None
    port: int | None

    def admits(self, host: str, address: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is None:
            return self.host == host
        try:
            number = ip_address(address)
        except ValueError:
            return False
        mapped = number.ipv4_mapped if isinstance(number, IPv6Address) else None
        return number in self.network or (mapped is not None and mapped in self.network)


class Guard:
    """Checks addresses before they are opened. `allow` lists exceptions that need not be public.

    An entry of `allow` is a host name, an address, a network (`10.0.0.0/8`), or one of the first two with a port
    (`nas.example:8080`, `[fd00::1]:8080`). Without a port, the entry allows every port.
    """

    def __init__(self, allow: Iterable[str] = (), *, resolve: Resolve = resolve_host) -> None:
        self._rules = tuple(_rule(entry) for entry in allow)
        self._resolve = resolve

    def check(self, url: str, *, base: str | None = None, timeout_seconds: float = RESOLVE_TIMEOUT_SECONDS) -> Target:
        """Check an address (or one relative to `base`) and resolve it.

        Raises AddressRefused, or NotSent if the name has no address or the resolver takes too long.
        """
        target = self._judge_form(url, base)
        port = target.port or 0
        if not _usual_port(port) and not any(rule.port in (None, port) for rule in self._rules):
            raise _port_refused(target)
        host = target.host.rstrip(".")
        addresses = self._addresses(target, host, port, timeout_seconds)
        for address in addresses:
            if any(rule.admits(host, address, port) for rule in self._rules):
                continue
            if not is_public_address(address):
                place = "" if address == host else f" is at {address}, which"
                raise AddressRefused(
                    f"{host}{place} is not a public address.",
                    hint="To allow a page or a server on your own network, add its host to SKYWRITE_FETCH_ALLOW.",
                )
            if not _usual_port(port):
                raise _port_refused(target)
        return Target(target.text.partition("#")[0], target.scheme, target.host, port, addresses)

    def _judge_form(self, url: str, base: str | None) -> WebUrl:
        if len(url) > URL_LENGTH_MAX:
            raise AddressRefused(f"An address of {len(url)} characters is too long: at most {URL_LENGTH_MAX}.")
        try:
            target = parse_url(url, base)
        except InputError as error:
            raise AddressRefused(error.message, hint=error.hint) from None
        if target.scheme not in ("http", "https"):
            raise AddressRefused(f"{target.scheme}: addresses are not allowed, only https: and http:.")
        if target.has_userinfo:
            raise AddressRefused(f"The address of {target.host} contains a user name or password; remove it.")
        if len(target.text) > URL_LENGTH_MAX:
            raise AddressRefused(f"An address of {len(target.text)} characters is too long: at most {URL_LENGTH_MAX}.")
        return target

    def _addresses(self, target: WebUrl, host: str, port: int, timeout_seconds: float) -> tuple[str, ...]:
        if _is_literal(host):
            return (host,)
        local = host == "localhost" or host.endswith(".localhost")
        if local and not any(rule.host == host or rule.network for rule in self._rules):
            raise AddressRefused(
                f"{host} is this computer itself, not a public address.",
                hint="To allow a page or a server of your own, add its host to SKYWRITE_FETCH_ALLOW.",
            )
        # Keep a dot at the end of the name: with it, the resolver adds no search domain.
        answers = _resolve_in_time(self._resolve, target.host, port, timeout_seconds)
        if not answers:
            raise NotSent(f"No address was found for {host}.", hint="Check the spelling of the address.")
        return tuple(answers[:ADDRESSES_MAX])


def _usual_port(port: int) -> bool:
    return port in _PORTS_BELOW_1024 or (port >= 1024 and port not in _PORTS_REFUSED)


def _port_refused(target: WebUrl) -> AddressRefused:
    return AddressRefused(
        f"Port {target.port} of {target.host} is not a port for web pages.",
        hint="To allow it, add the host with its port to SKYWRITE_FETCH_ALLOW.",
    )


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _rule(entry: str) -> _Rule:
    with suppress(ValueError):
        return _Rule(None, ip_network(entry, strict=False), None)
    match = _RULE.fullmatch(entry)
    name = ""
    if match:
        with suppress(InputError):
            name = parse_url(f"http://{match['host']}/").host.rstrip(".")
    port = int(match["port"]) if match and match["port"] else None
    numeric = _is_literal(name)
    # The client reads 127.1 and 0x7f000001 as addresses; here an address must be written in full.
    known = bool(_RULE_HOST.fullmatch(name)) and (
        not numeric or match is None or _is_literal(match["host"].strip("[]"))
    )
    if not known or (port is not None and not 0 < port < 65536):
        raise InputError(
            f"{entry} is not a host, an address or a network.",
            hint="SKYWRITE_FETCH_ALLOW accepts entries such as nas.example, nas.example:8080, 10.0.0.5, [fd00::1]:8080 "
            "or 10.0.0.0/8.",
        )
    return _Rule(None, ip_network(name), port) if numeric else _Rule(name, None, port)


def _resolve_in_time(resolve: Resolve, host: str, port: int, timeout_seconds: float) -> Sequence[str]:
    """The system's resolver has no time limit, so it runs in a thread that we may leave behind."""
    answers: list[Sequence[str]] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            answers.append(resolve(host, port))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    thread = threading.Thread(target=ask, name="skywrite-resolve", daemon=True)
    thread.start()
    thread.join(max(timeout_seconds, 0.0))
    if answers:
        return answers[0]
    if failed:
        raise NotSent(f"No address was found for {host}.", hint="Check the connection and the spelling.")
    raise NotSent(f"The address of {host} could not be resolved in time.", hint="Check the connection.")
