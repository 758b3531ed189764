"""The store: accounts, posts, media and rules in one database, SQLite or PostgreSQL, behind one interface.

What lives here: what is kept, and the transactions that keep it true. What does not: any decision about what to
publish when, and any call to a network but the database's own. Start at `store.py`.
"""
