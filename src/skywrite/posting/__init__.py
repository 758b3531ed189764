"""From what somebody wrote to what readers see: composing, times and recurrences, publishing."""
