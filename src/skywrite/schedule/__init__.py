"""When posts are due: times, rules that come again, weekly slots, and what becomes of missed times. Pure."""
