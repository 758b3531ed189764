"""Names of the atproto SDK that are not here, and what to use instead: what an import of one of them says.

What lives here: the sentences. What does not: the whole list of what is missing, which is in the guide about the move.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

_BOTH = "Import it from atproto; both can live in one script."
_STREAM = f"a stream for those who read the whole network, and Skywrite writes. {_BOTH} To answer mentions and replies"
_STREAM += " without a stream: sky.on_mention and sky.on_reply."
# By patterns of names, as `from skywrite import NAME` and `from skywrite.exceptions import NAME` have them.
_INSTEAD = {
    "*Firehose*|firehose*|parse_subscribe_*|Subscription*Error|Frame*": f"the firehose is {_STREAM}",
    "*Jetstream*|jetstream*": f"Jetstream is {_STREAM}",
    "xrpc_client": "models, client_utils and exceptions come from the package itself, as in the SDK since 2024.",
    "*jwt*|JwtPayload|Token*|InvalidTokenError": f"checking tokens is the work of servers. {_BOTH}",
    "*multibase*|Multikey|get_did_key|verify_signature|DidKeyError|Incorrect*|InvalidCompressed*|UnsupportedKey*"
    "|UnsupportedSignature*": f"checking signatures is the work of servers. {_BOTH}",
    "CAR|CID|CIDType|NSID|InvalidCARFile|DAGCBOR*|InvalidNsidError|LexiconParsingError": "archives and identifiers of"
    f" content are for tools; here a CID is text. {_BOTH}",
    "DidDocument|AtprotoData|*Did*Cache|Atproto*Data*|Did*|Poorly*|UnsupportedDid*": "IdResolver keeps what it has"
    " looked up by itself, and answers with the document as it is.",
    "AsyncIdResolver": "call IdResolver with asyncio.to_thread.",
    "AsyncRequest": "AsyncClient takes a Request.",
    "ModelFieldNotFoundError": "a missing field is an AttributeError, or a KeyError in brackets.",
    "TextBuilder": "it is client_utils.TextBuilder.",
}


def absence(name: str) -> str | None:
    """The sentence about a name of the SDK that is not here; None for all other names."""
    for patterns, instead in _INSTEAD.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns.split("|")):
            return f"Skywrite has no {name}: {instead}"
    return None


def raise_absent(module: str, name: str) -> None:
    """Raise ImportError about a name of the SDK, and AttributeError about all others, as a module does.

    Only an ImportError keeps its words: in an import Python puts its own in the place of an AttributeError's.
    """
    if (message := absence(name)) is not None:
        raise ImportError(message, name=module)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")
