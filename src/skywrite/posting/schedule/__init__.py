"""When posts are due: times, recurrences, weekly slots, and what happens to missed times. Pure."""
