"""Images, videos and captions: what Bluesky takes, made from what people have.

Nothing here opens an address or knows the protocol: bytes and files in, bytes and files out.
"""
