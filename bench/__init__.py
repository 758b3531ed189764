"""Measurements against others, side by side in one run: `script/bench post | facets | queue | feeds`.

What lives here: what is measured, and how it is printed. Nothing here asserts: a busy machine is no verdict.
"""
