"""How long the requests of an attempt to publish may take. This leaves out uploads, whose time depends on their size.

A record is small, so a server that has not responded by then hangs. Doubt costs little: reading back settles it.
The longest attempt without an upload is a refresh, a write, another refresh, the write again and two reads. It must end
well within a lease (`publish.worker.LEASE_SECONDS`); tests/unit/test_patience.py adds it up.
"""

WRITE_SECONDS = 10.0
LOOK_SECONDS = 5.0
REFRESH_SECONDS = 10.0
