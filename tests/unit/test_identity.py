"""Handles and DIDs: every way to an answer, and every way to none, without a network."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from dns import resolver as dns_resolver

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, NoAnswer, NotSent
from skywrite.core.http import Response
from skywrite.protocol.atproto.identity import (
    KNOWN_SECONDS,
    MAX_REDIRECTS,
    UNKNOWN_SECONDS,
    HandleDisputed,
    Identity,
    Resolver,
    UnknownHandle,
)
from skywrite.protocol.atproto.lookups import IdentityUnavailable, dns_txt
from skywrite.protocol.atproto.sign_in import is_well_known, service_for
from skywrite.protocol.atproto.syntax import InvalidSyntax
from tests.support.errors import fails

PLC = "https://plc.example.org"
SERVICE = "https://service.example.org"
DID = "did:plc:7iza6de2dwap2sbkpav7c6c6"
OTHER = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
HANDLE = "alice.example.com"
PDS = "https://pds.example.net"
WELL_KNOWN = f"https://{HANDLE}/.well-known/atproto-did"
BY_SERVICE = f"{SERVICE}/xrpc/com.atproto.identity.resolveHandle?handle="

Answer = Response | Exception


class Net:
    """A transport that answers from a table, and with 404 beside it; `asked` has every address in order."""

    def __init__(self, table: dict[str, Answer]) -> None:
        self.table = table
        self.asked: list[str] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = 0,
    ) -> Response:
        assert method == "GET"
        assert timeout_seconds is not None
        assert timeout_seconds <= 5
        assert max_bytes <= 200_000
        self.asked.append(url)
        answer = self.table.get(url, Response(404, {}, b"nothing"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def document(did: str = DID, handle: str | None = HANDLE, pds: object = PDS) -> dict[str, Any]:
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds}
    return {"id": did, "alsoKnownAs": [f"at://{handle}"] if handle else [], "service": [service]}


def of(value: object, status: int = 200) -> Response:
    return Response(status, {}, json.dumps(value).encode())


def text(body: str, status: int = 200) -> Response:
    return Response(status, {}, body.encode())


def dns_of(table: Mapping[str, list[str]] | None = None) -> Callable[[str], list[str]]:
    return lambda name: (table or {}).get(name, [])


def silent_dns(name: str) -> list[str]:
    raise IdentityUnavailable(f"No name server responded for {name}.")


def resolver(net: Net, **changes: Any) -> Resolver:
    return Resolver(net, PLC, **({"dns": dns_of()} | changes))


WITH_DNS = dns_of({f"_atproto.{HANDLE}": ["v=spf1", f"did={DID}"]})


def test_a_handle_leads_to_the_account_through_dns() -> None:
    """The TXT record names the DID, the document names the handle and the PDS."""
    net = Net({f"{PLC}/{DID}": of(document())})
    assert Identity(DID, HANDLE, PDS) == resolver(net, dns=WITH_DNS).resolve(HANDLE)  # type: ignore[arg-type]
    assert [f"{PLC}/{DID}"] == net.asked


def test_handles_are_compared_in_lower_case() -> None:
    """A handle in capitals, here or in the document, is the same handle."""
    net = Net({f"{PLC}/{DID}": of(document(handle=HANDLE.upper()))})
    assert HANDLE == resolver(net, dns=WITH_DNS).resolve(HANDLE.title()).handle


@pytest.mark.parametrize("body", [DID, f"  {DID}\r\n", f"{DID}\nmore", f"\n{DID}"])
def test_a_handle_leads_to_the_account_through_https(body: str) -> None:
    """Without a TXT record the file of the host names the DID, whatever space is around it."""
    assert DID == resolver(Net({WELL_KNOWN: text(body)})).resolve_handle(HANDLE)


def test_dns_is_asked_before_https_and_https_before_the_service() -> None:
    """The service is asked last, when the two others know nothing."""
    net = Net({BY_SERVICE + HANDLE: of({"did": DID})})
    assert DID == resolver(net, service=SERVICE).resolve_handle(HANDLE)
    assert [WELL_KNOWN, BY_SERVICE + HANDLE] == net.asked


def test_reserved_names_are_asked_of_the_service_alone() -> None:
    """The public DNS never knows alice.test, so it is not asked."""
    net = Net({BY_SERVICE + "alice.test": of({"did": DID})})
    assert DID == resolver(net, service=SERVICE + "/", dns=silent_dns).resolve_handle("alice.test")
    assert [BY_SERVICE + "alice.test"] == net.asked


def test_a_silent_dns_does_not_hide_the_other_ways() -> None:
    """A name server that does not answer is passed over when https knows the handle."""
    assert DID == resolver(Net({WELL_KNOWN: text(DID)}), dns=silent_dns).resolve_handle(HANDLE)


@pytest.mark.parametrize("answer", [text("", 404), text("<html>"), text("did:nothing"), of({}), text("x" * 9, 403)])
def test_a_handle_that_nobody_knows_is_unknown(answer: Response) -> None:
    """Answers without a DID make the handle unknown, not unavailable."""
    with pytest.raises(UnknownHandle):
        resolver(Net({WELL_KNOWN: answer})).resolve_handle(HANDLE)


@pytest.mark.parametrize("answer", [NotSent("no"), NoAnswer("late"), text("", 502), text("", 429)])
def test_silence_is_not_unknown(answer: Answer) -> None:
    """Where a place does not answer and none knows the handle, it is unavailable, and never the doubt of a write."""
    with pytest.raises(IdentityUnavailable) as caught:
        resolver(Net({WELL_KNOWN: answer})).resolve_handle(HANDLE)
    assert not isinstance(caught.value, NoAnswer)


def test_the_no_of_the_service_ends_the_search() -> None:
    """A service that says 400 makes the handle unknown, though https was silent."""
    net = Net({WELL_KNOWN: NotSent("no"), BY_SERVICE + HANDLE: of({"error": "InvalidRequest"}, 400)})
    with pytest.raises(UnknownHandle):
        resolver(net, service=SERVICE).resolve_handle(HANDLE)


def test_two_dids_in_dns_are_refused() -> None:
    """Several different TXT records count for none, and the message says so."""
    dns = dns_of({f"_atproto.{HANDLE}": [f"did={DID}", f"did={OTHER}"]})
    with pytest.raises(UnknownHandle, match="2 different DIDs"):
        resolver(Net({WELL_KNOWN: text(DID)}), dns=dns).resolve_handle(HANDLE)


def test_the_same_did_twice_in_dns_is_one() -> None:
    """A TXT record given twice is no contradiction."""
    dns = dns_of({f"_atproto.{HANDLE}": [f"did={DID}", f"did={DID}"]})
    assert DID == resolver(Net({}), dns=dns).resolve_handle(HANDLE)


def test_a_redirect_is_followed() -> None:
    """The host may send us on, to another https host or another path."""
    net = Net(
        {
            WELL_KNOWN: Response(301, {"location": "https://www.example.com/x"}, b""),
            "https://www.example.com/x": Response(302, {"location": "/y"}, b""),
            "https://www.example.com/y": text(DID),
        }
    )
    assert DID == resolver(net).resolve_handle(HANDLE)


@pytest.mark.parametrize(
    "target",
    [
        "http://www.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::1/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://metadata.internal/",
        "https://user@www.example.com/",
        "https://www.example.com:8443/",
        "https://www.example.com:99999/",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_redirect_to_elsewhere_is_not_followed(target: str) -> None:
    """Only https on the usual port of a public name is asked."""
    net = Net({WELL_KNOWN: Response(302, {"location": target}, b"")})
    if target == "":
        net.table[WELL_KNOWN] = Response(302, {}, b"")
    with pytest.raises(UnknownHandle):
        resolver(net).resolve_handle(HANDLE)
    assert {WELL_KNOWN} == set(net.asked)


def test_redirects_have_an_end() -> None:
    """A host that redirects to itself is left after a few rounds."""
    net = Net({WELL_KNOWN: Response(302, {"location": WELL_KNOWN}, b"")})
    with pytest.raises(UnknownHandle):
        resolver(net).resolve_handle(HANDLE)
    assert MAX_REDIRECTS + 1 == len(net.asked)


@pytest.mark.parametrize("handle", ["a.localhost", "router.local", "metadata.internal"])
def test_handles_of_the_inner_network_are_never_asked(handle: str) -> None:
    """A handle under a reserved name sends no request to that host."""
    net = Net({})
    with pytest.raises(UnknownHandle):
        resolver(net).resolve_handle(handle)
    assert not net.asked


@pytest.mark.parametrize("handle", ["@alice.example.com", "127.0.0.1", "localhost", "[::1]", "a.example.com/x"])
def test_what_is_no_handle_is_refused(handle: str) -> None:
    """Text that is no handle is an input error before anything is asked."""
    net = Net({})
    with pytest.raises(InvalidSyntax):
        resolver(net).resolve(handle)
    assert not net.asked


def test_handle_invalid_is_nobody() -> None:
    """The placeholder for a handle that does not work leads to no account and asks nobody."""
    net = Net({})
    with pytest.raises(UnknownHandle):
        resolver(net, service=SERVICE).resolve("handle.invalid")
    assert not net.asked


def test_a_handle_must_be_named_by_its_did() -> None:
    """Someone who points a domain at another's DID gets an error which names the account's own handle."""
    net = Net({f"{PLC}/{DID}": of(document(handle="bob.example.com"))})
    with fails("identity.mismatch", match=f"{HANDLE} points to {DID}.*bob.example.com") as caught:
        resolver(net, dns=WITH_DNS).resolve(HANDLE)
    assert "bob.example.com" in caught.value.hint


def test_a_changed_handle_is_seen_at_once() -> None:
    """A remembered document without the handle is read again before the handle is called wrong."""
    net = Net({f"{PLC}/{DID}": of(document(handle="old.example.com"))})
    resolve = resolver(net, dns=WITH_DNS).resolve
    resolve(DID)
    net.table[f"{PLC}/{DID}"] = of(document())
    assert HANDLE == resolve(HANDLE).handle


def test_a_did_leads_to_its_handle() -> None:
    """The first handle of the document counts when it leads back."""
    net = Net({f"{PLC}/{DID}": of(document())})
    assert Identity(DID, HANDLE, PDS) == resolver(net, dns=WITH_DNS).resolve(DID)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("handle", "dns"),
    [
        (HANDLE, dns_of({f"_atproto.{HANDLE}": [f"did={OTHER}"]})),
        (HANDLE, dns_of()),
        (HANDLE, silent_dns),
        (None, dns_of()),
        ("not a handle", dns_of()),
    ],
    ids=["another's", "unknown", "silent", "none", "garbage"],
)
def test_a_did_without_a_working_handle_still_resolves(handle: str | None, dns: Callable[[str], list[str]]) -> None:
    """A handle that does not lead back, or cannot be checked, is replaced by handle.invalid."""
    net = Net({f"{PLC}/{DID}": of(document(handle=handle))})
    assert Identity(DID, "handle.invalid", PDS) == resolver(net, dns=dns).resolve(DID)  # type: ignore[arg-type]


def test_a_did_web_is_asked_of_its_host() -> None:
    """The document of did:web:host is at /.well-known/did.json of the host."""
    net = Net({"https://example.com/.well-known/did.json": of(document("did:web:example.com", None))})
    assert PDS == resolver(net).resolve("did:web:example.com").pds_url


def test_strangers_hosts_are_asked_through_their_own_transport() -> None:
    """Well-known files and did:web go through `web`; the directory and the service through `http`."""
    ours, theirs = Net({f"{PLC}/{DID}": of(document())}), Net({WELL_KNOWN: text(DID)})
    resolve = resolver(ours, web=theirs).resolve
    resolve(HANDLE)
    with fails("did.unknown"):
        resolve("did:web:example.com")
    assert [f"{PLC}/{DID}"] == ours.asked
    assert [WELL_KNOWN, "https://example.com/.well-known/did.json"] == theirs.asked


@pytest.mark.parametrize(
    "did",
    [
        "did:web:localhost",
        "did:web:localhost%3A2583",
        "did:web:127.0.0.1",
        "did:web:127.0.0.1%3A2583",
        "did:web:10.0.0.1",
        "did:web:169.254.169.254",
        "did:web:2130706433",
        "did:web:0x7f000001",
        "did:web:metadata.internal",
        "did:web:example.com%3A80",
        "did:web:example.com%3A4443",
        "did:web:example.com:path",
        "did:web:ex%61mple.com",
        "did:web:example.com%2Fpath",
        "did:web:user%40example.com",
        "did:plc:short",
        "did:plc:%37iza6de2dwap2sbkpav7c6c6",
        "did:plc:7IZA6DE2DWAP2SBKPAV7C6C6",
        "did:key:zQ3shZc2QzApp2oymGvQbzP8eKheVshBHbU4ZYjeXqwSKEn6N",
    ],
)
def test_dids_that_cannot_be_asked_are_unknown(did: str) -> None:
    """DIDs of inner hosts, of other methods, or with ports, paths and tricks send no request."""
    net = Net({})
    with fails("did.unknown"):
        resolver(net).resolve(did)
    assert not net.asked


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:localhost%3A2583", "http://localhost:2583/.well-known/did.json"),
        ("did:web:127.0.0.1%3A2583", "http://127.0.0.1:2583/.well-known/did.json"),
        ("did:web:localhost", "http://localhost/.well-known/did.json"),
    ],
)
def test_local_hosts_are_asked_when_allowed(did: str, url: str) -> None:
    """With allow_local, localhost and its port are asked over http."""
    net = Net({url: of(document(did, None, "http://localhost:2583"))})
    assert "http://localhost:2583" == resolver(net, allow_local=True).resolve(did).pds_url


@pytest.mark.parametrize(
    "did", ["did:web:10.0.0.1", "did:web:localhost%3A", "did:web:localhost%3Ax", "did:web:localhost:80"]
)
def test_allowing_local_hosts_allows_no_others(did: str) -> None:
    """With allow_local, other addresses and broken ports stay refused."""
    net = Net({})
    with fails("did.unknown"):
        resolver(net, allow_local=True).resolve(did)
    assert not net.asked


@pytest.mark.parametrize(("status", "words"), [(404, "No account has"), (410, "was deleted"), (400, "No account has")])
def test_a_did_that_the_directory_lacks_is_unknown(status: int, words: str) -> None:
    """Missing and deleted accounts are told apart in the message."""
    with fails("did.unknown", match=words):
        resolver(Net({f"{PLC}/{DID}": text("", status)})).resolve(DID)


@pytest.mark.parametrize(
    "answer",
    [
        NotSent("no"),
        NoAnswer("late"),
        text("", 500),
        text("", 429),
        text("<html>"),
        text("[]"),
        Response(200, {}, b"{}", truncated=True),
        text("[" * 100_000),
    ],
    ids=["refused", "late", "500", "429", "html", "list", "cut", "deep"],
)
def test_a_silent_directory_is_unavailable(answer: Answer) -> None:
    """No answer, errors and garbage are temporary."""
    with pytest.raises(IdentityUnavailable):
        resolver(Net({f"{PLC}/{DID}": answer})).resolve(DID)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": OTHER},
        {"service": []},
        {"service": "x"},
        {"service": [None, {"id": "#other", "serviceEndpoint": PDS}]},
        *({"service": [{"id": "#atproto_pds", "serviceEndpoint": endpoint}]} for endpoint in (None, 7, {}, "", "x")),
        *(
            {"service": [{"id": "#atproto_pds", "serviceEndpoint": endpoint}]}
            for endpoint in (
                "http://pds.example.net",
                "https://127.0.0.1",
                "https://10.0.0.1",
                "https://[::1]",
                "https://[",
                "http://localhost:2583",
                "https://user:pass@pds.example.net",
                "https://pds.example.net/path",
                "https://pds.example.net?x=1",
                "https://pds.example.net:99999",
                "ftp://pds.example.net",
            )
        ),
    ],
    ids=repr,
)
def test_a_document_that_cannot_serve_is_refused(changes: dict[str, Any]) -> None:
    """A foreign document, or one without an https server of a public name, raises InvalidDidDocument."""
    with fails("did_document.invalid"):
        resolver(Net({f"{PLC}/{DID}": of(document() | changes)})).resolve(DID)


@pytest.mark.parametrize(
    ("endpoint", "expected"), [(PDS + "/", PDS), (PDS + ":8443", PDS + ":8443"), ("HTTPS://PDS.Example.net", PDS)]
)
def test_the_address_of_the_pds_is_plain(endpoint: str, expected: str) -> None:
    """The address has no final slash, and host and scheme are in lower case."""
    assert expected == resolver(Net({f"{PLC}/{DID}": of(document(pds=endpoint))})).resolve(DID).pds_url


def test_the_service_may_carry_the_whole_did_in_its_id() -> None:
    """`did:...#atproto_pds` is the same service as `#atproto_pds`."""
    service = {"id": f"{DID}#atproto_pds", "serviceEndpoint": PDS}
    net = Net({f"{PLC}/{DID}": of(document() | {"service": [service]})})
    assert PDS == resolver(net).resolve(DID).pds_url


def test_answers_are_remembered_for_a_while() -> None:
    """A second question sends nothing; after ten minutes everything is asked again."""
    net = Net({f"{PLC}/{DID}": of(document()), WELL_KNOWN: text(DID)})
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    resolve = resolver(net, clock=clock).resolve
    first = resolve(HANDLE)
    clock.advance(KNOWN_SECONDS - 1)
    assert first == resolve(HANDLE) == resolve(DID)
    assert [WELL_KNOWN, f"{PLC}/{DID}"] == net.asked
    clock.advance(2)
    resolve(HANDLE)
    assert 2 * [WELL_KNOWN, f"{PLC}/{DID}"] == net.asked


@pytest.mark.parametrize("answer", [text("", 404), NotSent("no")])
def test_a_dead_handle_is_asked_once_a_minute(answer: Answer) -> None:
    """Unknown and silent handles are remembered for a minute, so that they do not hold up every post."""
    net = Net({WELL_KNOWN: answer})
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    resolve_handle = resolver(net, clock=clock).resolve_handle
    for _ in range(3):
        with pytest.raises((UnknownHandle, IdentityUnavailable)):
            resolve_handle(HANDLE)
    assert [WELL_KNOWN] == net.asked
    clock.advance(UNKNOWN_SECONDS)
    net.table[WELL_KNOWN] = text(DID)
    assert DID == resolve_handle(HANDLE)


def test_a_forgotten_account_is_asked_again() -> None:
    """After `forget` the next question goes out."""
    net = Net({f"{PLC}/{DID}": of(document()), WELL_KNOWN: text(DID)})
    known = resolver(net)
    known.resolve(HANDLE)
    known.forget(HANDLE.upper())
    known.forget(DID)
    known.resolve(HANDLE)
    assert 2 * [WELL_KNOWN, f"{PLC}/{DID}"] == net.asked


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest answer goes when there are too many."""
    monkeypatch.setattr("skywrite.protocol.atproto.lookups.MAX_CACHED", 2)
    handles = [f"{name}.example.com" for name in "abc"]
    urls = [f"https://{handle}/.well-known/atproto-did" for handle in handles]
    net = Net(dict.fromkeys(urls, text(DID)))
    resolve_handle = resolver(net).resolve_handle
    for handle in (*handles, handles[2], handles[1], handles[0]):
        resolve_handle(handle)
    assert [*urls, urls[0]] == net.asked


# Before a password is sent


def test_a_sign_in_needs_dns_and_https_to_agree() -> None:
    """Where they name different accounts, nobody knows where a password would go, and both are shown."""
    net = Net({WELL_KNOWN: text(OTHER), f"{PLC}/{DID}": of(document())})
    with pytest.raises(HandleDisputed, match=f"names {OTHER}, and its DNS names {DID}"):
        resolver(net, dns=WITH_DNS).resolve_for_sign_in(HANDLE)


@pytest.mark.parametrize("answer", [text(DID), text("", 404), text("", 503), NotSent("No connection.")])
def test_one_of_dns_and_https_is_enough_for_a_sign_in(answer: Answer) -> None:
    """Most handles are set up in one place only; one that is silent contradicts nobody."""
    net = Net({WELL_KNOWN: answer, f"{PLC}/{DID}": of(document())})
    assert PDS == resolver(net, dns=WITH_DNS).resolve_for_sign_in(HANDLE).pds_url


def test_the_server_of_a_disputed_handle_is_not_guessed() -> None:
    """A sign-in ends there, rather than go to the default server."""
    net = Net({WELL_KNOWN: text(OTHER), f"{PLC}/{DID}": of(document())})
    with pytest.raises(HandleDisputed):
        service_for(HANDLE, resolver(net, dns=WITH_DNS))


def test_a_data_server_inside_our_network_is_refused() -> None:
    """A document may name a public name whose address is not public; the guard judges it."""

    def refuse(url: str) -> None:
        raise InputError(f"{url} is at 10.0.0.1, which is not a public address.")

    net = Net({f"{PLC}/{DID}": of(document())})
    with fails("did_document.invalid", match=r"10\.0\.0\.1"):
        resolver(net, dns=WITH_DNS, check=refuse).pds_url(DID)


def test_a_data_server_that_cannot_be_looked_up_is_not_judged() -> None:
    """A name server that is down makes no document invalid."""

    def down(url: str) -> None:
        raise NotSent("No address was found.")

    assert PDS == resolver(Net({f"{PLC}/{DID}": of(document())}), check=down).pds_url(DID)


@pytest.mark.parametrize(
    ("service", "known"),
    [
        ("https://bsky.social", True),
        ("https://puffball.us-east.host.bsky.network", True),
        ("https://mine.example", True),
        ("https://pds.evil.example", False),
        ("https://evilhost.bsky.network", False),
        ("https://host.bsky.network.evil.example", False),
    ],
)
def test_servers_that_get_a_password_without_a_question(service: str, known: bool) -> None:
    """Bluesky's own, and those that are known here."""
    assert known is is_well_known(service, ["https://mine.example"])


def test_a_silent_name_server_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks a handle up hears that no name server responded, and goes on."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as silent:
        silent.bind(("127.0.0.1", 0))
        servers = dns_resolver.Resolver(configure=False)
        servers.nameservers, servers.port = ["127.0.0.1"], silent.getsockname()[1]
        monkeypatch.setattr("dns.resolver.default_resolver", servers)
        monkeypatch.setattr("skywrite.protocol.atproto.lookups.DNS_SECONDS", 0.1)
        with pytest.raises(IdentityUnavailable, match="No name server responded"):
            dns_txt(f"_atproto.{HANDLE}")
