"""Ids of calls that a chat's client answers: each tells its session, so that the answer finds it without more."""

import re
import uuid

_ID = re.compile(r"call_([0-9a-f]{32})([0-9a-f]{32})")


def call_name(session_id: str, event_id: str) -> str:
    """The id of a call."""
    return f"call_{session_id.replace('-', '')}{event_id.replace('-', '')}"


def read_call(text: str) -> tuple[str, str] | None:
    """Session and event behind a call's id; None for what is none."""
    found = _ID.fullmatch(text)
    return None if found is None else (str(uuid.UUID(found[1])), str(uuid.UUID(found[2])))
