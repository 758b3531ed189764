"""The bot of the inbox: what it may answer (`answering`), and the noun with which people watch over it (`service`)."""
