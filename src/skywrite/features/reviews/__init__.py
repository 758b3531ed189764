"""Reviews: everything that waits for an approval on one page, and links at which somebody without an account decides.

A link is for one post as it is now, works once, and ends.
"""

from skywrite.core.feature import Entry, Feature

FEATURE = Feature(
    name="reviews",
    pages=("page",),
    navigation=(Entry("Approve", "/approvals", "check", 25),),
    needs="page:needs",
    served="links:served",
    prune="store:prune",
)
