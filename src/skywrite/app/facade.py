"""The one class that the faces and users' scripts talk to; its verbs are grouped in the modules beside."""

from __future__ import annotations

from skywrite.app.accounts import Accounts
from skywrite.app.drafts import Drafts
from skywrite.app.folders import Folders
from skywrite.app.managing import Managing
from skywrite.app.running import Running


class Skywrite(Accounts, Managing, Folders, Drafts, Running):
    """The durable queue, and everything that fills it.

        sky = Skywrite()
        sky.schedule("Good morning, [readers](https://example.com)! #news", at="tomorrow 9:00", images=["sun.jpg"])

        @sky.every("0 9 * * *", zone="Europe/Berlin")
        def weather():
            return f"{read_sensor()} degrees"

        sky.run()

    `database`: a path or a `postgresql://` address; without one SKYWRITE_DATABASE, or a SQLite file in the user's data
    directory. Close it, or use it in a `with` statement. Every verb raises SkywriteErrors.
    """
