"""Receipts prove what was published: real ones of the reference PDS hold, and whatever is changed in one is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skywrite.app import Skywrite
from skywrite.core.errors import InputError, RejectedError, SkywriteError
from skywrite.faces.cli.main import main
from skywrite.posting.receipts import Receipt, check_key, read_receipt
from skywrite.protocol.atproto.proof import check_proof
from tests.support.errors import fails
from tests.support.pds import Pds, PdsAccount


@pytest.fixture
def sky(pds: Pds, account: PdsAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A queue signed in at the reference PDS."""
    for name, value in {
        "SKYWRITE_HOME": str(tmp_path),
        "SKYWRITE_PLC_URL": pds.plc_url,
        "SKYWRITE_VIDEO_SERVICE": "",
        "BLUESKY_PDS": pds.url,
    }.items():
        monkeypatch.setenv(name, value)
    with Skywrite() as sky:
        sky.accounts.login(account.handle, account.app_password, pds=pds.url)
        yield sky


@pytest.fixture
def receipt(sky: Skywrite) -> Receipt:
    """The receipt of the third of several posts, with an emoji and a link in it."""
    for number in range(12):
        sky.post(f"Number {number} 🌞 https://example.com", card="none")
    return sky.posts.receipt(3)


def test_a_receipt_holds_and_survives_its_file(receipt: Receipt) -> None:
    """It is checked when it is made, and again from its text alone."""
    again = read_receipt(json.dumps(receipt.as_dict()))
    assert (receipt.as_dict(), "Number 2 🌞 example.com") == (again.as_dict(), again.record["text"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uri", "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3kznmn7xqxl22"),
        ("cid", "bafyreieawtmh7hwfrqpamqkodza5r62bbfhsepe2iyustgxhgbhi6b2lfi"),
        ("rev", "3kznmn7xqxl22"),
        ("did", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"),
        ("record", {"$type": "app.bsky.feed.post", "text": "Something else"}),
        ("signing_key", "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"),
        ("signing_key", "z"),
        ("proof", ""),
        ("proof", "AAAA"),
        ("made_at", "yesterday"),
        ("skywrite_receipt", 2),
    ],
)
def test_a_receipt_that_was_changed_is_refused(receipt: Receipt, field: str, value: Any) -> None:
    """Whatever of it was changed, with a clear error."""
    with fails("receipt.invalid"):
        read_receipt(json.dumps({**receipt.as_dict(), field: value}))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 0.999999), bit=st.integers(0, 7))
def test_every_bit_of_a_proof_counts(receipt: Receipt, place: float, bit: int) -> None:
    """One bit that is flipped anywhere in the blocks is noticed."""
    car = bytearray(receipt.proof)
    start = 60
    car[start + int(place * (len(car) - start))] ^= 1 << bit
    _, collection, rkey = receipt.uri.removeprefix("at://").split("/")
    with fails("proof.invalid"):
        check_proof(bytes(car), did=receipt.did, path=f"{collection}/{rkey}", public_key=receipt.signing_key)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_file_is_a_receipt_or_refused(data: bytes) -> None:
    """Never a surprise."""
    with pytest.raises(SkywriteError):
        read_receipt(data.decode("utf-8", "replace"))


def test_the_twin_of_a_signature_is_refused(receipt: Receipt) -> None:
    """The network accepts one form of each signature, so the other proves nothing."""
    from libipld import decode_dag_cbor

    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    at = next(i for i in range(60, len(receipt.proof)) if receipt.proof[i : i + 6] == b"csigX@") + 6
    signature = receipt.proof[at : at + 64]
    twin = signature[:32] + (order - int.from_bytes(signature[32:])).to_bytes(32)
    block_start = receipt.proof.rindex(b"\xa6cdid", 0, at)
    block_end = at + 64
    while True:
        try:
            decode_dag_cbor(receipt.proof[block_start:block_end])
            break
        except ValueError:
            block_end += 1
    block = receipt.proof[block_start:block_end].replace(signature, twin)
    from hashlib import sha256

    old = b"\x01\x71\x12\x20" + sha256(receipt.proof[block_start:block_end]).digest()
    new = b"\x01\x71\x12\x20" + sha256(block).digest()
    car = (receipt.proof[:block_start] + block + receipt.proof[block_end:]).replace(old, new)
    _, collection, rkey = receipt.uri.removeprefix("at://").split("/")
    with fails("proof.invalid", match="form that the network accepts"):
        check_proof(car, did=receipt.did, path=f"{collection}/{rkey}", public_key=receipt.signing_key)


def test_a_record_that_is_gone_has_no_receipt(sky: Skywrite) -> None:
    """Nor has a post that is not published, or one of somebody else."""
    sent = sky.post("Gone soon")
    sky.posts.delete(sent.id)
    with pytest.raises((RejectedError, InputError)):
        sky.posts.receipt(sent.id)
    draft = sky.schedule("Not yet", draft=True)
    with pytest.raises(InputError, match="is a draft, not published"):
        sky.posts.receipt(draft.id)


def test_on_the_command_line(sky: Skywrite, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written to a file, checked without and with the directory, and refused when the file was changed."""
    sent = sky.post("For the record")
    file = tmp_path / "post.receipt.json"
    for words in (["receipt", str(sent.id), "-o", str(file)], ["verify", str(file)], ["verify", str(file), "--online"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert 0 == ended.value.code
    out = capsys.readouterr().out
    assert (True, True) == ("| For the record" in out, "the account's key from" in out)
    file.write_text(file.read_text().replace("For the record", "For the money"))
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(file)])
    assert (2, True) == (ended.value.code, "The receipt was changed: its record" in capsys.readouterr().err)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ([("key", "2024-01-01T")], "the account's key from 2024-01-01 until now"),
        ([("other", "2023-01-01T"), ("key", "2024-01-01T"), ("other", "2025-01-01T")], "2024-01-01 to 2025-01-01"),
    ],
)
def test_the_directory_says_when_a_key_was_the_accounts(log: list[tuple[str, str]], expected: str) -> None:
    """From the operations of the public log."""
    receipt = Receipt("at://x", "c", "did:plc:x", "a.test", "key", "3kznmn7xqxl22", {}, b"", None)  # type: ignore[arg-type]
    entries = [
        {"operation": {"verificationMethods": {"atproto": f"did:key:{key}"}}, "createdAt": at, "nullified": False}
        for key, at in log
    ]
    assert expected in check_key(receipt, entries)


def test_a_key_that_was_never_the_accounts_is_refused() -> None:
    """Also one of an operation that was taken back."""
    receipt = Receipt("at://x", "c", "did:plc:x", "a.test", "key", "3kznmn7xqxl22", {}, b"", None)  # type: ignore[arg-type]
    taken_back = {
        "operation": {"verificationMethods": {"atproto": "did:key:key"}},
        "createdAt": "2024-01-01T",
        "nullified": True,
    }
    with fails("receipt.invalid", match="never contained the key"):
        check_key(receipt, [taken_back])


def test_a_proof_for_another_key_of_the_repository_is_refused(receipt: Receipt) -> None:
    """A proof shows one record, not its neighbours."""
    with fails("proof.invalid"):
        check_proof(
            receipt.proof, did=receipt.did, path="app.bsky.feed.post/3kznmn7xqxl22", public_key=receipt.signing_key
        )
