"""Hooks: addresses at which programs elsewhere ask for a post, signed, each message once.

A template makes the text from the JSON of the message. What comes waits as a draft, unless the hook may publish.
"""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="hooks",
    services={"hooks": Service("service:Hooks")},
    operations=("operations",),
    commands={"hooks": Command("cli", "Automate", "Let other programs ask for posts: releases, orders, articles")},
    pages=("page",),
    panels="page:panels",
    served="routes:served",
)
