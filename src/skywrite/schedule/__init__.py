"""When posts are due: moments, rules that come again, weekly slots, and what becomes of missed times. Pure."""
