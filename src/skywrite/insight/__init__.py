"""What became of posts: proofs, marks, replies, and a rehearsal of what is to come.

What lives here: reading what the network says about our own posts, and making sense of it. What does not: publishing
(`publish`), which never waits for anything here.
"""
