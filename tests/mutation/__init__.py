"""Mutation tests: small changes made to the program on purpose, each of which some test must notice.

`changes` makes them (pure), `areas` says which tests answer for which modules, `accepted` lists the changes that no
test can notice, and `run` is the command behind `script/mutants`.
"""
