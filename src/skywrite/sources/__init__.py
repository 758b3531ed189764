"""Where posts come from when nobody types them: tables, feeds, folders, commands.

What lives here: reading each source into rows or drafts, and remembering what was taken. What does not: checking and
scheduling them (`app`).
"""
