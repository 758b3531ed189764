"""Numbers of rows, as others write them: in an address, a form, a header, a cursor, or as an argument.

What does not live here: whether there is such a row.
"""

from skywrite.core.digits import whole_number

ROW_MAX = 2**63 - 1


def row_number(given: str | int) -> int | None:
    """The number, if it is written in plain digits and a column of the database can hold it; otherwise None."""
    if isinstance(given, str):
        return whole_number(given, ROW_MAX)
    return given if 0 <= given <= ROW_MAX else None
