"""Fuzzers: input that nobody thought of, for everything that reads what others wrote.

`python -m tests.fuzz.run feeds --seconds 600 --seed 7` runs one by hand. With atheris installed (pip install atheris)
it is led by coverage, else by a mutator of its own (`mutate`), whose seed repeats a run.
"""
