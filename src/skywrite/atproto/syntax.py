"""The former path of `skywrite.protocol.atproto.syntax`, kept until 0.2."""

from skywrite.protocol.atproto.syntax import *  # noqa: F403
