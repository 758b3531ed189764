"""Ways of answering without a program: a command gets the item as JSON, an address gets it signed, a grammar makes a text.

When anything is answered at all, and how often, is the inbox's affair: these are asked like a program's functions.
"""

from skywrite.core.feature import Feature, Service

FEATURE = Feature(
    name="ways",
    services={"ways": Service("service:Ways")},
    operations=("operations",),
    pages=("page",),
    panels="page:panels",
    answerers="calling:answerers",
)
