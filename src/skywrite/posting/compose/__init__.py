"""From a draft (a post as its writer wants it) to frozen records (exactly what goes into the repository).

Each step is a module: `draft` defines drafts, `resolve` does all their I/O (files, pages, handles, posts to reply to),
and `build` and `freeze` are pure. What does not live here: when to send a post (`schedule`), how to send it
(`publish`).
"""
