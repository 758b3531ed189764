"""From prepared records to frozen ones: keys, time, replies and CIDs, so that sending is repeatable. Pure.

A frozen post is exactly what goes into the repository, to the last byte. It is stored before the first write to the
network and never changes after that, so that reading back its first key settles any doubt.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from skywrite.core.clock import to_iso
from skywrite.posting.compose.build import Prepared
from skywrite.posting.compose.fields import Stored
from skywrite.protocol.atproto.repo import Write
from skywrite.protocol.bsky.gates import postgate, threadgate
from skywrite.protocol.bsky.limits import POST
from skywrite.protocol.bsky.richtext import Facet, facet_records


class Frozen(NamedTuple):
    """The writes of one post in the order they are sent, and the media they need. The first write is the root.

    `uploaded` says that the media are on the server as the records name them. No record is written before that, so
    until then the records may still change to the blobs that the server returns.
    """

    did: str
    writes: tuple[Write, ...]
    blobs: tuple[Stored, ...] = ()
    uploaded: bool = False

    @property
    def uri(self) -> str:
        """The at-uri of the first post."""
        return f"at://{self.did}/{self.writes[0].collection}/{self.writes[0].rkey}"

    @property
    def cid(self) -> str:
        """The CID of the first post."""
        return self.writes[0].cid

    @property
    def posts(self) -> list[Write]:
        """The posts among the writes, in thread order."""
        return [write for write in self.writes if write.collection == POST]

    def to_json(self) -> str:
        """The form that the queue stores."""
        writes = [[write.collection, write.rkey, write.value, write.cid] for write in self.writes]
        blobs = [[item.cid, item.mime, item.size] for item in self.blobs]
        plain = {"did": self.did, "writes": writes, **({"blobs": blobs, "uploaded": self.uploaded} if blobs else {})}
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        plain = json.loads(text)
        writes = tuple(Write(*item) for item in plain["writes"])
        blobs = tuple(Stored(*item) for item in plain.get("blobs", ()))
        return cls(plain["did"], writes, blobs, plain.get("uploaded", False))


def freeze(
    prepared: Prepared,
    *,
    did: str,
    rkeys: Sequence[str],
    created_at: datetime,
    dids: Mapping[str, str | None] | None = None,
) -> Frozen:
    """Fix everything. `rkeys` has one TID for each post, ascending; `dids` resolves the pending mentions.

    The times of a thread's posts are one millisecond apart, as in the official app, so that all readers sort them in
    the same order.
    """
    writes: list[Write] = []
    gates: list[Write] = []
    refs: list[dict[str, str]] = []
    for index, template in enumerate(prepared.records):
        at = to_iso(created_at + timedelta(milliseconds=index))
        value = {**template, "createdAt": at}
        value.update(mention_facets(template, index, prepared, dids or {}))
        if refs:
            root = template_root(prepared) or refs[0]
            value["reply"] = {"root": root, "parent": refs[-1]}
        uri = f"at://{did}/{POST}/{rkeys[index]}"
        write = Write.of(POST, rkeys[index], value)
        writes.append(write)
        refs.append({"uri": uri, "cid": write.cid})
        if index == 0 and prepared.replies is not None:
            gates.append(_write(threadgate(uri, prepared.replies, at), rkeys[index]))
        if not prepared.quotes:
            gates.append(_write(postgate(uri, at), rkeys[index]))
    return Frozen(did, (*writes, *gates), prepared.blobs)


def template_root(prepared: Prepared) -> dict[str, str] | None:
    """The root of the conversation that the thread's first post joins; None if it starts its own."""
    reply = prepared.records[0].get("reply")
    return dict(reply["root"]) if reply else None


def _write(record: dict[str, Any], rkey: str) -> Write:
    return Write.of(record["$type"], rkey, record)


def mention_facets(
    template: Mapping[str, Any], index: int, prepared: Prepared, dids: Mapping[str, str | None]
) -> dict[str, Any]:
    """The facets of a record, with those of pending mentions that are known now. Empty if there are none."""
    mentions = [
        Facet(item.byte_start, item.byte_end, "mention", item.handle) for item in prepared.pending if item.post == index
    ]
    added = facet_records(mentions, {handle: did for handle, did in dids.items() if did})
    if not added:
        return {}
    facets = [*template.get("facets", ()), *added]
    return {"facets": sorted(facets, key=lambda facet: int(facet["index"]["byteStart"]))}


def replace_blobs(frozen: Frozen, answers: Mapping[str, Mapping[str, Any]]) -> Frozen:
    """The same post with the blobs that the server returned in place of ours, if they differ.

    The video service may return another blob than the one that we sent.
    """
    ours = {cid: answer for cid, answer in answers.items() if answer["ref"]["$link"] != cid or _differs(frozen, answer)}
    if not ours:
        return frozen
    cids: dict[str, str] = {}
    writes = []
    for write in frozen.writes:
        value = _swap(write.value, ours, cids)
        changed = Write.of(write.collection, write.rkey, value)
        cids[write.cid] = changed.cid
        writes.append(changed)
    return frozen._replace(writes=tuple(writes))


def _differs(frozen: Frozen, answer: Mapping[str, Any]) -> bool:
    known = {item.cid: item for item in frozen.blobs}.get(answer["ref"]["$link"])
    return known is None or (known.mime, known.size) != (answer["mimeType"], answer["size"])


def _swap(value: Any, blobs: Mapping[str, Mapping[str, Any]], cids: Mapping[str, str]) -> Any:
    """A copy with blob objects replaced, and strong references to our own changed records updated."""
    if isinstance(value, Mapping):
        if value.get("$type") == "blob":
            return dict(blobs.get(value["ref"]["$link"], value))
        swapped = {key: _swap(item, blobs, cids) for key, item in value.items()}
        if set(swapped) == {"uri", "cid"} and swapped["cid"] in cids:
            swapped["cid"] = cids[swapped["cid"]]
        return swapped
    if isinstance(value, list | tuple):
        return [_swap(item, blobs, cids) for item in value]
    return value


def mention_handles(prepared: Prepared) -> Iterable[str]:
    """The handles that still need to be looked up."""
    return dict.fromkeys(item.handle for item in prepared.pending)
