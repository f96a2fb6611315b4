"""The free pairs of text a client may hang on its objects."""

from collections.abc import Mapping

from chalicelib.core.errors import InvalidRequest

MAX_PAIRS = 16
MAX_KEY = 64
MAX_VALUE = 512


def patched(current: Mapping[str, str], patch: Mapping[str, str | None], *, blank_removes: bool) -> dict[str, str]:
    """The pairs after a patch: None removes one, and so does ``""`` where ``blank_removes``. Raises InvalidRequest."""
    pairs = dict(current)
    for key, value in patch.items():
        if value is None or (blank_removes and not value):
            pairs.pop(key, None)
        else:
            pairs[key] = value
    _check(pairs)
    return pairs


def _check(pairs: Mapping[str, str]) -> None:
    if len(pairs) > MAX_PAIRS:
        raise _refused(f"at most {MAX_PAIRS} pairs")
    for key, value in pairs.items():
        if not 1 <= len(key) <= MAX_KEY:
            raise _refused(f"a key has 1 to {MAX_KEY} characters")
        if len(value) > MAX_VALUE:
            raise _refused(f"the value of {key!r} has more than {MAX_VALUE} characters")


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest(f"metadata: {reason}", field="metadata", code="invalid_metadata")
