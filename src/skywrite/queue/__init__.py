"""The store: accounts, posts, media and recurrences in one database, SQLite or PostgreSQL, behind one interface.

What lives here: what is stored, and the transactions that keep it consistent. What does not: decisions about what to
publish when, and any network access except to the database. Start at `store.py`.
"""
