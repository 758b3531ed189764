"""The drafts that the official app keeps on the network, as rows of drafts here. Pure.

Included are texts, threads, link cards, quotes, labels, languages, and who may reply and quote. Images and videos are
not: the app keeps them on the device that they were chosen on; notes list their alt texts. Lexicon: app.bsky.draft.defs
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skywrite.protocol.bsky.limits import TEXT_BYTES_MAX, TEXT_GRAPHEMES_MAX
from skywrite.protocol.bsky.richtext import grapheme_length

_RULES = {"mentionRule": "mentioned", "followerRule": "followers", "followingRule": "following"}
_AS_WRITTEN = {"markdown": False}


@dataclass(frozen=True, slots=True)
class AppDraft:
    """One draft of the app: `row` has the fields of a draft here, empty if nothing can be copied.

    `notes` say what is missing. `digest` changes with the content of the draft.
    """

    id: str
    row: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    digest: str = ""


def read_app_draft(view: Mapping[str, Any]) -> AppDraft:
    """A draft from an app.bsky.draft.defs#draftView; malformed parts are left out."""
    draft = _mapping(view.get("draft"))
    notes: list[str] = []
    device = str(draft.get("deviceName") or "the device that it was written on")
    langs = [str(lang) for lang in _list(draft.get("langs"))]
    parts = [_part(_mapping(post), langs, number, device, notes) for number, post in enumerate(_posts(draft), 1)]
    kept = [part for part in parts if part]
    row: dict[str, Any] = {}
    if kept:
        row = {**kept[0], **_gates(draft)}
        if len(kept) > 1:
            row["thread"] = kept[1:]
    plain = json.dumps(draft, sort_keys=True, ensure_ascii=True)
    return AppDraft(str(view.get("id", "")), row, tuple(notes), hashlib.sha256(plain.encode()).hexdigest())


def _posts(draft: Mapping[str, Any]) -> list[Any]:
    return _list(draft.get("posts"))


def _part(
    post: Mapping[str, Any], langs: list[str], number: int, device: str, notes: list[str]
) -> dict[str, Any] | None:
    """One post of a thread; None if nothing of it is left."""
    _note_media(post, number, device, notes)
    text = str(post.get("text") or "")
    row: dict[str, Any] = {"text": text, **_AS_WRITTEN, "card": "none"}
    for external in _list(post.get("embedExternals"))[:1]:
        row["card"] = str(_mapping(external).get("uri") or "none")
    for record in _list(post.get("embedRecords"))[:1]:
        ref = _mapping(_mapping(record).get("record"))
        if ref.get("uri") and ref.get("cid"):
            row["quote"] = {"uri": str(ref["uri"]), "cid": str(ref["cid"])}
    labels = [str(_mapping(label).get("val")) for label in _list(_mapping(post.get("labels")).get("values"))]
    if labels:
        row["labels"] = labels
    if langs:
        row["langs"] = langs
    if grapheme_length(text) > TEXT_GRAPHEMES_MAX or len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        row["split"] = True
        notes.append(f"Post {number} is too long for one post: it becomes a thread.")
    if not text.strip() and "quote" not in row and row["card"] == "none":
        notes.append(f"Post {number} holds no text, so it is left out.")
        return None
    return row


def _note_media(post: Mapping[str, Any], number: int, device: str, notes: list[str]) -> None:
    gallery = _list(_mapping(post.get("embedGallery")).get("items"))
    for kind, items in (
        ("image", [*_list(post.get("embedImages")), *gallery]),
        ("video", _list(post.get("embedVideos"))),
    ):
        if items:
            alts = [str(_mapping(item).get("alt")) for item in items if _mapping(item).get("alt")]
            named = f" (alt text: {'; '.join(alts)})" if alts else ""
            count = f"{len(items)} {kind}{'' if len(items) == 1 else 's'}"
            verb = "stays" if len(items) == 1 else "stay"
            notes.append(f"Post {number}: {count} {verb} on {device}{named}; add the files when you edit it.")


def _gates(draft: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    allow = draft.get("threadgateAllow")
    if isinstance(allow, list):
        rules = [_rule(_mapping(rule)) for rule in allow]
        row["replies"] = [rule for rule in rules if rule] or ["nobody"]
    if _list(draft.get("postgateEmbeddingRules")):
        row["quotes"] = False
    return row


def _rule(rule: Mapping[str, Any]) -> str | None:
    kind = str(rule.get("$type", "")).rpartition("#")[2]
    return str(rule.get("list")) if kind == "listRule" else _RULES.get(kind)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
