"""What became of posts: proofs, marks, replies, and a rehearsal of what is to come.

What lives here: reading the network about our own posts, and making sense of it. What does not: publishing (`publish`),
which never waits for anything here.
"""
