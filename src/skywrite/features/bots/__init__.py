"""Making bots: the label with which an account says that it is one, the beginning of a program, and trying it in tests.

What does not live here: what answers, and when (`features.answers`).
"""

from skywrite.core.feature import Feature, Service

FEATURE = Feature(
    name="bots",
    services={"bots": Service("service:Bots", ("context",))},
    verbs={"accounts": ("cli:bot_command",), "answers": ("cli:new_command",)},
)
