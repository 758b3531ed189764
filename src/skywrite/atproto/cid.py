"""The former path of `skywrite.protocol.atproto.cid`, kept until 0.2."""

from skywrite.protocol.atproto.cid import *  # noqa: F403
