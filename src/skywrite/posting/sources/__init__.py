"""Where posts come from if nobody types them: tables, feeds, folders, commands.

What lives here: reading each source into rows or drafts. What does not: checking and scheduling them (`app`).
"""
