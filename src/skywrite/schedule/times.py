"""The former path of `skywrite.posting.schedule.times`, kept until 0.2."""

from skywrite.posting.schedule.times import *  # noqa: F403
