"""From what a server sends to the entries of a feed, and from an entry to a draft: untrusted, so read in a child."""
