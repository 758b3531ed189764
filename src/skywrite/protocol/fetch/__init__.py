"""Untrusted addresses: which ones may be opened (`guard`), how (`fetch`), and the card of a page (`card`)."""
