"""Signing in by OAuth: which client, which account, and keeping the session; a client of your own on a static host."""
