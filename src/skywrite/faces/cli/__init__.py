"""The command line: parse, call an operation of `Skywrite`, print. No rules of its own; one file per noun."""
