"""Page sizes and bounds on times, as every list reads them."""

from chalicelib.core.clock import parse_iso
from chalicelib.core.errors import InvalidRequest
from chalicelib.core.numbers import whole
from chalicelib.doors.managed.schemas.lists import CreatedRange


def limit_of(text: str | None, usual: int, most: int) -> int:
    """A page size: clamped, never refused; what is no number above zero is the usual one."""
    return min(whole(text) or usual, most)


def created_bounds(query: CreatedRange) -> tuple[int | None, int | None]:
    """Inclusive bounds in milliseconds. Raises InvalidRequest naming the parameter."""
    lows = [
        _bound(query.created_gt, "created_at[gt]", 1),
        _bound(query.created_after, "created_after", 1),
        _bound(query.created_gte, "created_at[gte]", 0),
    ]
    highs = [
        _bound(query.created_lt, "created_at[lt]", -1),
        _bound(query.created_before, "created_before", -1),
        _bound(query.created_lte, "created_at[lte]", 0),
    ]
    low, high = [x for x in lows if x is not None], [x for x in highs if x is not None]
    return (max(low) if low else None), (min(high) if high else None)


def _bound(text: str | None, field: str, step: int) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text) + step
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{field}: not a date-time", field=field, code="invalid_timestamp") from error
