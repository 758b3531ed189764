"""How long the requests of an attempt to publish may take. Uploads are not among them: theirs depends on their size.

A record is small, so a server that has not answered by then hangs. Doubt costs little: it is settled by reading back.
The longest attempt without an upload is a refresh, a write, another refresh, the write again and two looks: it must end
well within a lease (`publish.worker.LEASE_SECONDS`), which tests/unit/test_patience.py adds up.
"""

WRITE_SECONDS = 10.0
LOOK_SECONDS = 5.0
REFRESH_SECONDS = 10.0
