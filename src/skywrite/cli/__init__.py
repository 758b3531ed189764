"""The command line: parse, call a verb of `Skywrite`, print. No rules of its own; a file a noun."""
