"""Images, videos and captions: from what people have to what Bluesky accepts.

Nothing here opens an address or knows the protocol: bytes and files in, bytes and files out.
"""
