"""Whole numbers in texts that clients send."""

_MOST_DIGITS = 18
_MOST: int = 10**_MOST_DIGITS


def whole(text: str | None) -> int | None:
    """The number, if the text is nothing but ASCII digits, at most 10**18; blanks around it do not matter."""
    digits = (text or "").strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) if len(digits) <= _MOST_DIGITS else _MOST
