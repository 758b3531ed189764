"""Ways of answering without a program: a command gets the item as JSON, an address gets it signed, a grammar says it.

When anything is answered at all, and how often, is the inbox's affair: these are asked like a program's functions.
"""

from skywrite.core.feature import Entry, Feature, Service

FEATURE = Feature(
    name="ways",
    services={"ways": Service("service:Ways", ("context",))},
    operations=("operations",),
    verbs={"answers": tuple(f"cli:{verb}_command" for verb in ("add", "ways", "stop", "start", "remove"))},
    pages=("page",),
    navigation=(Entry("Answers", "/ways", "pen", 35),),
    answerers="calling:answerers",
)
