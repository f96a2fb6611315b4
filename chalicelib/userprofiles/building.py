"""Makes a profile out of what a client sent and of what was stored before."""

from datetime import datetime
from typing import Any

from chalicelib.core.clock import now_ms, parse_iso
from chalicelib.core.metadata import patched
from chalicelib.userprofiles.drafts import ProfileInput
from chalicelib.userprofiles.errors import invalid
from chalicelib.userprofiles.model import Details, Profile

_FUTURE_MS = 60_000
_MOVED = {
    "reference_id": ("external_id", "external_id"),
    "onboarded_at": ("onboarded_at", "external_user_onboarded_at"),
}


def built(before: Profile, sent: ProfileInput, *, new: bool) -> Profile:
    """The profile after the change, with revision and time as before. Raises InvalidRequest."""
    given = sent.model_dump(exclude_unset=True)
    stated = _stated(given.get("external_user_details") or {}, new=new)
    changes: dict[str, Any] = {"metadata": patched(before.metadata, sent.metadata or {}, blank_removes=not new)}
    if new and "" in changes["metadata"].values():
        raise invalid("metadata", "a value cannot be empty")
    if "name" in given:
        changes["name"] = sent.name or None
    if sent.access_type is not None:
        changes["access_type"] = sent.access_type
    for inner, (attribute, outer) in _MOVED.items():
        _take(changes, given, stated, attribute, outer, inner)
    if changes.get("onboarded_at") is not None:
        changes["onboarded_at"] = _moment(changes["onboarded_at"])
    changes["details"] = Details.model_validate(before.details.model_dump() | stated)
    return before.model_copy(update=changes)


def _stated(details: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """The details that were sent; those that are null say nothing in a new profile."""
    for name, value in details.items():
        if value is None and not new:
            raise invalid(f"external_user_details.{name}", "cannot be cleared")
    return {name: value for name, value in details.items() if value is not None}


def _take(
    changes: dict[str, Any], given: dict[str, Any], stated: dict[str, Any], attribute: str, outer: str, inner: str
) -> None:
    """Read what may stand in two places."""
    value = stated.pop(inner, None)
    if outer in given:
        if value is not None and value != given[outer]:
            raise invalid(outer, f"differs from external_user_details.{inner}")
        value = given[outer]
        if value is None and outer != "external_id":
            raise invalid(outer, "cannot be null")
        changes[attribute] = value
    elif value is not None:
        changes[attribute] = value


def _moment(text: str) -> int:
    try:
        whole = datetime.fromisoformat(text.strip())
        at = parse_iso(text)
    except (ValueError, OverflowError) as error:
        raise invalid("external_user_details.onboarded_at", "not a date-time") from error
    if whole.tzinfo is None or "T" not in text.upper():
        raise invalid("external_user_details.onboarded_at", "must be a complete timestamp with a zone")
    if at > now_ms() + _FUTURE_MS:
        raise invalid("external_user_details.onboarded_at", "lies in the future")
    return at
