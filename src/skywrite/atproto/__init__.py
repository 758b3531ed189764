"""The former home of `skywrite.protocol.atproto`, kept until 0.2 for `syntax` and `cid`."""
