"""Numbers of rows, as others write them: in an address, a form, a header, a cursor, or as an argument.

What does not live here: whether there is such a row.
"""

ROW_MAX = 2**63 - 1


def row_number(given: str | int) -> int | None:
    """The number, if it is written in plain digits and a column of the database can hold it; otherwise None.

    `str.isdigit` also takes digits that `int` does not, such as a superscript two.
    """
    if isinstance(given, str):
        digits = given.lstrip("0") or "0"
        if not (given.isascii() and given.isdigit() and len(digits) <= len(str(ROW_MAX))):
            return None
        given = int(digits)
    return given if 0 <= given <= ROW_MAX else None
