"""The names of the atproto SDK for Python, over plain XRPC calls.

What lives here: answers as instances of model classes (`answers`, from the facts in `lexicons`), the methods of the
network as attributes (`names`), what models of the SDK stand for (`arguments`), and the SDK's helpers: sessions and
their callbacks, requests, addresses, resolvers, rich text. What does not: the client itself (`client`), and the names
that users import (`models`, `client_utils`, `exceptions`).

The SDK writes `get_profile` and `display_name` where lexicons write `getProfile` and `displayName`.
"""
