"""CIDs and DAG-CBOR, against published values and against an encoder written for the test."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.protocol.atproto.cid import (
    MAX_DEPTH,
    MAX_INTEGER,
    BlobHasher,
    cid_for_blob,
    cid_for_record,
    encode_record,
)
from tests.support.errors import fails

VECTORS = Path(__file__).parent.parent / "vectors" / "atproto-interop"
POST = {"$type": "app.bsky.feed.post", "text": "hello world", "createdAt": "2024-01-01T00:00:00.000Z"}
BLOB_CID = "bafkreiccldh766hwcnuxnf2wh6jgzepf2nlu2lvcllt63eww5p6chi4ity"
RECORD_CID = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"


def vectors(name: str) -> list[dict[str, Any]]:
    return json.loads((VECTORS / f"data-model-{name}.json").read_text(encoding="utf-8"))


def test_a_post_has_the_cid_that_a_pds_gives_it() -> None:
    """The CID of a plain post equals the one a reference PDS answered."""
    expected = "bafyreieawtmh7hwfrqpamqkodza5r62bbfhsepe2iyustgxhgbhi6b2lfi"
    assert expected == cid_for_record(POST)


@pytest.mark.parametrize("case", vectors("fixtures"), ids=["plain", "links-bytes-blob", "nested"])
def test_published_records_have_their_published_encoding(case: dict[str, Any]) -> None:
    """The interop fixtures give the published DAG-CBOR and CID."""
    text = case["cbor_base64"]
    assert base64.b64decode(text + "=" * (-len(text) % 4)) == encode_record(case["json"])
    assert case["cid"] == cid_for_record(case["json"])


@pytest.mark.parametrize("case", vectors("valid"), ids=lambda case: case["note"])
def test_valid_data_is_encoded(case: dict[str, Any]) -> None:
    """What the vectors call valid has a CID."""
    assert cid_for_record(case["json"]).startswith("bafyrei")


@pytest.mark.parametrize("case", vectors("invalid"), ids=lambda case: case["note"])
def test_invalid_data_is_refused(case: dict[str, Any]) -> None:
    """What the vectors call invalid raises InvalidRecord."""
    with fails("record.invalid"):
        cid_for_record(case["json"])


def test_a_whole_number_with_a_point_counts_as_an_integer() -> None:
    """JSON's 123.0 is 123 for a PDS, so both have one CID."""
    assert encode_record({"a": 123}) == encode_record({"a": 123.0})


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        float("nan"),
        float("inf"),
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        {1: 2},
        {"$bytes": "*"},
        {"$bytes": "AA=A"},
        {"$link": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKWKgS"},
        {"$link": BLOB_CID.upper()},
        {"$link": "bciqhq6dypb4hq6dypb4hq6dypb4hq6dypb4hq6dypb4hq6dypb4hq6a"},
        {"$link": BLOB_CID + "a"},
        {1, 2},
        Ellipsis,
        "\ud800",
        {"$type": "blob", "ref": BLOB_CID, "mimeType": "image/png", "size": 1},
        {"$type": "blob", "ref": {"$link": BLOB_CID}, "mimeType": "image/png", "size": -1},
        {"$type": "blob", "ref": {"$link": BLOB_CID}, "mimeType": "image/png", "size": True},
        {"$type": "blob", "ref": {"$link": BLOB_CID}, "size": 1},
    ],
    ids=repr,
)
def test_values_outside_the_data_model_are_refused(value: object) -> None:
    """Fractions, integers beyond 53 bits, foreign types and broken links, bytes and blobs raise InvalidRecord."""
    with fails("record.invalid"):
        encode_record({"a": value})


def test_the_error_codes_the_place() -> None:
    """The message has the path of the wrong value."""
    with fails("record.invalid", match=r"^embed\.images\[1\]\.width is 1\.5"):
        encode_record({"embed": {"images": [{}, {"width": 1.5}]}})


def test_bytes_that_read_as_a_cid_are_refused() -> None:
    """The encoder would write them as a link and give a wrong CID, so they are an error."""
    text = base64.b64encode(b"\x01\x55\x12\x20" + b"x" * 32).decode()
    with fails("record.invalid", match="bytes that look like a CID"):
        encode_record({"a": {"$bytes": text}})


def test_nesting_has_an_end() -> None:
    """A record nested too deep is refused, not a crash."""
    value: dict[str, Any] = {}
    for _ in range(MAX_DEPTH + 10):
        value = {"a": value}
    with fails("record.invalid", match="nested"):
        encode_record(value)


def test_the_record_is_left_as_it_was() -> None:
    """Encoding changes nothing in the record that was given."""
    record = {"a": {"$link": RECORD_CID}, "b": ({"$bytes": "AAA"}, 1.0)}
    before = copy.deepcopy(record)
    encode_record(record)
    assert before == record


def test_a_tuple_counts_as_a_list() -> None:
    """Builders may return tuples."""
    assert encode_record({"a": [1, [2]]}) == encode_record({"a": (1, (2,))})


def test_map_keys_sort_by_length_then_bytes() -> None:
    """DAG-CBOR puts shorter keys first and compares UTF-8 bytes, whatever order the record has."""
    record = {"bb": 1, "é": 2, "a": 3, "😀": 4, "ab": 5, "": 6}
    assert encode_record(record) == encode_record(dict(sorted(record.items())))
    keys = sorted((key.encode() for key in record), key=lambda key: (len(key), key))
    places = [encode_record(record).index(bytes([0x60 + len(key)]) + key) for key in keys]
    assert sorted(places) == places


names = st.text(max_size=30).filter(lambda name: not name.startswith("$"))
links = st.sampled_from([RECORD_CID, BLOB_CID]).map(lambda cid: {"$link": cid})
# Longer than a head, and not the beginning of a CID.
octets = st.binary(max_size=300).map(lambda data: {"$bytes": base64.b64encode(b"\xff" + data).decode()})
blobs = st.builds(
    lambda mime, size: {"$type": "blob", "ref": {"$link": BLOB_CID}, "mimeType": mime, "size": size},
    st.text(max_size=10),
    st.integers(0, MAX_INTEGER),
)
integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
values = st.recursive(
    st.none() | st.booleans() | integers | st.text() | links | octets | blobs,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(names, values, max_size=5))
def test_any_record_equals_the_oracle(record: dict[str, Any]) -> None:
    """An independent DAG-CBOR encoder, written from the specification, gives the same bytes."""
    assert _dag_cbor(record) == encode_record(record)


def _dag_cbor(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(_dag_cbor(item) for item in value)
    if value.keys() == {"$link"}:
        link = b"\x00" + base64.b32decode(value["$link"][1:].upper() + "=" * (-(len(value["$link"]) - 1) % 8))
        return b"\xd8\x2a" + _head(2, len(link)) + link
    if value.keys() == {"$bytes"}:
        data = base64.b64decode(value["$bytes"])
        return _head(2, len(data)) + data
    pairs = sorted(((key.encode(), item) for key, item in value.items()), key=lambda pair: (len(pair[0]), pair[0]))
    return _head(5, len(pairs)) + b"".join(_head(3, len(key)) + key + _dag_cbor(item) for key, item in pairs)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise AssertionError(number)


def test_blobs_have_raw_cids() -> None:
    """The CID of bytes is the published one for raw SHA-256, whole or in pieces."""
    expected = "bafkreibnoelefnzgwbcacyt4vh52ymxvzbjq7mmqhtcnwarfq4lzegsiqe"
    hasher = BlobHasher()
    for piece in (b"", b"x", b""):
        hasher.update(piece)
    assert [expected, expected] == [cid_for_blob(b"x"), hasher.cid()]


@given(st.lists(st.binary(), max_size=5))
def test_pieces_make_the_cid_of_the_whole(pieces: list[bytes]) -> None:
    """How a blob is cut does not change its CID."""
    hasher = BlobHasher()
    for piece in pieces:
        hasher.update(piece)
    assert cid_for_blob(b"".join(pieces)) == hasher.cid()


def test_importing_takes_little() -> None:
    """The module needs libipld and nothing heavy."""
    script = "import sys; import skywrite.protocol.atproto.cid; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )
    assert set() == loaded & {"pyreqwest", "atproto", "asyncio", "email", "urllib.request", "cryptography", "pydantic"}
