"""Folders of Markdown files, one post each: syncing makes the queue what the folder says.

A file stands for the same post when it is renamed, and what went out is left alone.
"""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="folders",
    services={"folders": Service("service:Folders")},
    commands={"sync": Command("cli", "Automate", "Post a folder of Markdown files")},
)
