"""Recurrences: posts that repeat. The rule is stored, and one occurrence at a time is a post in the queue.

Each occurrence goes out once, whatever is killed, restored or edited meanwhile; a changed rule changes what is to come,
never what went out. What does not live here: making the occurrences (`app.occurrences`), since other posts repeat, too.
"""

from skywrite.core.feature import Command, Entry, Feature, Service

FEATURE = Feature(
    name="recurring",
    services={"recurrences": Service("service:Recurrences")},
    operations=("operations",),
    commands={"recurring": Command("cli", "Automate", "List, show, edit or stop recurrences")},
    pages=("page",),
    navigation=(Entry("Recurrences", "/recurrences", "again", 70),),
)
