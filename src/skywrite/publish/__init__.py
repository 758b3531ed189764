"""Sending what the queue holds: decide, freeze, upload, write, settle.

What lives here: the only code that writes to a repository, for the queue and for `Client` alike, and the worker that
does it on time. What does not: how a record is made (`compose`), the rules of the queue's rows (`queue`).
"""
