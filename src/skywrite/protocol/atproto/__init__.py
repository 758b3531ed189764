"""AT Protocol for a client that writes: identifiers, CIDs, identity, XRPC, sessions, the repository.

What lives here: the protocol, one concept a file. What does not: what a post is (`bsky`), and any database.
"""
