"""Reading a stored session of either kind. What does not live here: the kinds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from skywrite.protocol.atproto.session_data import Session

if TYPE_CHECKING:
    from skywrite.protocol.atproto.oauth_session import OAuthSession


def read_session(text: str) -> Session | OAuthSession:
    """Read a stored session of either kind. Raises InputError for anything else."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict) and fields.get("kind") == "oauth":
        from skywrite.protocol.atproto.oauth_session import OAuthSession

        return OAuthSession.from_fields(fields)
    return Session.from_json(text)
