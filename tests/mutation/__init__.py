"""Mutation tests: small changes made to the program on purpose, each of which some test must notice.

`changes` makes them (pure), `put` gets them into the program, `areas` says which tests answer for which modules,
`known` which of them reach a change, `copies` runs copies of a process, `inside` keeps the servers of tests in them,
`hunt` tries each change in one, `browser` tries those of scripts in a real browser,
`accepted.toml` lists the changes that no test can notice, and `run` is the command behind `script/mutants`.
"""
