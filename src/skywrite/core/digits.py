"""Whole numbers, as others write them: in a setting, a rule, an address, a header; and numbers of rows.

What does not live here: which of them makes sense, and whether there is such a row.
"""

NUMBER_MAX = 2**63 - 1
# What a column of the database can hold.
ROW_MAX = NUMBER_MAX


def whole_number(text: str, most: int = NUMBER_MAX) -> int | None:
    """The number, if it is written in plain digits and is no more than `most`; otherwise None.

    `str.isdigit` also takes digits that `int` does not, such as a superscript two, and `int` refuses thousands of them.
    """
    digits = text.lstrip("0") or text[:1]
    if not (text.isascii() and text.isdigit() and len(digits) <= len(str(most))):
        return None
    number = int(digits)
    return number if number <= most else None


def row_number(value: str | int) -> int | None:
    """The number, if it is written in plain digits and a column of the database can hold it; otherwise None."""
    if isinstance(value, str):
        return whole_number(value, ROW_MAX)
    return value if 0 <= value <= ROW_MAX else None
