"""What everything else rests on: errors, the clock, configuration, HTTP, files, child processes.

It imports nothing else of ours.
"""
