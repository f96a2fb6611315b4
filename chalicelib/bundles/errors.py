"""What can be wrong with a bundle, and with what is asked to be made of it."""

from pydantic import ValidationError

from chalicelib.core.errors import Conflict, InvalidRequest

_OBJECT, _OWN = ("model_type", "model_attributes_type", "dict_type", "dataclass_type"), "Value error, "
_LONGEST = 300


class BadBundle(InvalidRequest):
    """The bundle is not one that this server would write."""


class BundleNeeds(InvalidRequest):
    """The bundle names something that this tenant does not have; the request has to name another."""


class BundleDiffers(Conflict):
    """A repeated request under one key came with another bundle, or asked for something else."""

    def __init__(self) -> None:
        super().__init__("another import was made under this key before", code="idempotency_key_reused")


class SessionTooLarge(Conflict):
    """The session has more files than a bundle holds."""

    def __init__(self) -> None:
        super().__init__("the session has more files than a bundle can hold", code="session_too_large")


def unfit(error: ValidationError, place: str = "") -> str:
    """What does not fit, where, in a line that is harmless to print."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    reason = "is no object" if first["type"] in _OBJECT else first["msg"].removeprefix(_OWN)
    where = ".".join(str(part) for part in ((place,) if place else ()) + first["loc"])
    return ascii(f"{where}: {reason}" if where else reason)[1:-1][:_LONGEST]


def bad(entry: str, reason: str) -> BadBundle:
    """A refused bundle; the message begins with the entry at fault, cut short and harmless to print."""
    shown = ascii(entry[:200])[1:-1]
    return BadBundle(f"file: {shown}: {reason}" if entry else f"file: {reason}", field="file", code="bad_bundle")
