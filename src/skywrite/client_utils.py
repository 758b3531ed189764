"""Rich text as in the atproto SDK: `from skywrite import client_utils`.

What does not live here: the helpers themselves (`sdk.text`).
"""

from skywrite.sdk.text import MentionMatch, TextBuilder, detect_facets, detect_mentions

__all__ = ["MentionMatch", "TextBuilder", "detect_facets", "detect_mentions"]
