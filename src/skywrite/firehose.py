"""A module of older versions of the atproto SDK that is not here: an import of it says what to use instead."""

from skywrite.sdk.absent import raise_absent

raise_absent(__name__, "firehose")
