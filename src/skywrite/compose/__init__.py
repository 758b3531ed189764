"""From a draft (one message as its writer means it) to frozen records (what a repository is asked to hold).

Three steps, each a module: `draft` says what can be meant, `resolve` does all the I/O that a draft asks for (files,
pages, handles, posts that are answered), `build` and `freeze` are pure. What does not live here: when a post is
sent (`schedule`), and sending it (`publish`).
"""
