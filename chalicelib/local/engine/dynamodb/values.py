"""Attribute values in the form boto3 clients use: `{"S": …}`, `{"N": "12"}`, `{"B": b"…"}`, …

Stored values are never changed in place, so they may be shared between items and read without a lock.
"""

from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from chalicelib.local.engine.errors import ServiceError, validation

Value = dict[str, Any]
Item = dict[str, Value]

MAX_ITEM_BYTES = 400 * 1024
_MAX_DIGITS = 38
_MAX_EXPONENT, _MIN_EXPONENT = 125, -130
# Wide enough that sums are exact before they are checked against the service's own limits.
EXACT = Context(prec=300)


def number_text(text: str) -> str:
    """The canonical text of a number. Raises ValidationException when it is none or out of range."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and (text[0] != "0" or text == "0"):
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise validation(f"The parameter cannot be converted to a numeric value: {text}") from None
    return format_number(number)


def format_number(number: Decimal) -> str:
    """Plain notation without needless zeros. Raises ValidationException when out of range."""
    if not number.is_finite():
        raise validation(f"The parameter cannot be converted to a numeric value: {number}")
    number = EXACT.plus(number).normalize(EXACT)
    if not number:
        return "0"
    if len(number.as_tuple().digits) > _MAX_DIGITS:
        raise validation("Attempting to store more than 38 significant digits in a Number")
    if number.adjusted() > _MAX_EXPONENT:
        raise validation("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if number.adjusted() < _MIN_EXPONENT:
        raise validation("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    return format(number, "f")


def _text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ServiceError("SerializationException", "A string is not valid Unicode") from None
    return text


def _binary(data: bytes | bytearray | str) -> bytes:
    return data.encode() if isinstance(data, str) else bytes(data)


def _set_of(element: Callable[[Any], Any], name: str) -> Callable[[list[Any]], list[Any]]:
    def absorb_set(members: list[Any]) -> list[Any]:
        if not members:
            raise validation(f"One or more parameter values were invalid: An {name} set  may not be empty")
        kept = [element(member) for member in members]
        if len(set(kept)) != len(kept):
            raise validation("One or more parameter values were invalid: Input collection contains duplicates.")
        return kept

    return absorb_set


def _null(flag: bool) -> bool:
    if not flag:
        raise validation(
            "One or more parameter values were invalid: Null attribute value types must have the value of true"
        )
    return True


_ABSORB: dict[str, Callable[[Any], Any]] = {
    "S": _text,
    "N": number_text,
    "B": _binary,
    "BOOL": bool,
    "NULL": _null,
    "SS": _set_of(_text, "string"),
    "NS": _set_of(number_text, "number"),
    "BS": _set_of(_binary, "binary"),
    "L": lambda members: [absorb(member) for member in members],
    "M": lambda members: {_text(name): absorb(member) for name, member in members.items()},
}


def absorb(value: Value) -> Value:
    """A checked, canonical, private copy of a caller's value. Raises ValidationException."""
    if len(value) != 1:
        raise validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    ((tag, content),) = value.items()
    return {tag: _ABSORB[tag](content)}


def absorb_all(values: dict[str, Value]) -> Item:
    """`absorb` for every value of an item or of the expression's values."""
    return {name: absorb(value) for name, value in values.items()}


def clone(value: Value) -> Value:
    """A copy that the receiver may change without touching what is stored."""
    ((tag, content),) = value.items()
    if tag == "M":
        return {"M": {name: clone(member) for name, member in content.items()}}
    if tag == "L":
        return {"L": [clone(member) for member in content]}
    if isinstance(content, list):
        return {tag: list(content)}
    return {tag: content}


def clone_item(item: Item) -> Item:
    """`clone` for a whole item."""
    return {name: clone(value) for name, value in item.items()}


def text_bytes(text: str) -> int:
    """Length in UTF-8 bytes."""
    return len(text) if text.isascii() else len(text.encode())


def _number_bytes(text: str) -> int:
    return (len(text.strip("-0.")) + 1) // 2 + 1 + text.startswith("-")


_SIZE: dict[str, Callable[[Any], int]] = {
    "S": text_bytes,
    "N": _number_bytes,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda members: sum(map(text_bytes, members)),
    "NS": lambda members: sum(map(_number_bytes, members)),
    "BS": lambda members: sum(map(len, members)),
    "L": lambda members: 3 + sum(1 + size_of(member) for member in members),
    "M": lambda members: 3 + sum(1 + text_bytes(n) + size_of(m) for n, m in members.items()),
}


def size_of(value: Value) -> int:
    """Stored size in bytes as the service counts it."""
    ((tag, content),) = value.items()
    return _SIZE[tag](content)


def item_size(item: Item) -> int:
    """Stored size of an item in bytes."""
    return sum(text_bytes(name) + size_of(value) for name, value in item.items())


def sort_key(value: Value) -> Any:
    """Something that orders keys of one type as the service does."""
    ((tag, content),) = value.items()
    return Decimal(content) if tag == "N" else content


def same(left: Value | None, right: Value | None) -> bool:
    """Equality of two values; sets have no order; a missing value equals nothing."""
    if left is None or right is None:
        return False
    ((tag, one),) = left.items()
    ((other_tag, two),) = right.items()
    if tag != other_tag:
        return False
    if tag in ("SS", "NS", "BS"):
        return set(one) == set(two)
    if tag == "L":
        return len(one) == len(two) and all(map(same, one, two))
    if tag == "M":
        return one.keys() == two.keys() and all(same(one[name], two[name]) for name in one)
    return bool(one == two)
