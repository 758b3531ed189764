"""Publishing posts of the queue: decide, freeze, upload, write, settle.

What lives here: the only code that writes to a repository, for the queue and for `Client`, and the worker that does it
on time. What does not: building records (`compose`), the state of posts (`queue`).
"""
