"""Records of app.bsky as pure functions: text in, record out.

What lives here: rich text, limits, posts, embeds and gates. What does not: I/O of any kind, time, and accounts.
"""
