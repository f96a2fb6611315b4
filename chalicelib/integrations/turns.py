"""What of a session's log has to be said at a provider."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.ids import derive_id
from chalicelib.events.catalogue import RUN_FINISHED
from chalicelib.events.event import Event
from chalicelib.integrations.waking import SOURCE

FAILED = "The agent could not finish this."
_SAID_NOTHING = "The agent finished without a word."


@dataclass(frozen=True, slots=True)
class Reply:
    """The end of a turn: what to say where, under an id that is always the same; ``seq`` is the record it ends with.

    ``place`` None: the turn was not begun at a provider, and nothing is to be said.
    """

    id: str
    seq: int
    text: str
    place: dict[str, str] | None


@dataclass(slots=True)
class _Turn:
    place: dict[str, str] | None = None
    text: str = ""
    finished: Reply | None = field(default=None)


def replies(session: str, events: Iterable[Event]) -> list[Reply]:
    """The turns that are over, in order; records of a turn without its end are left for later."""
    turns: dict[str, _Turn] = {}
    found: list[Reply] = []
    for event in events:
        if event.run is None or event.thread is not None:
            continue
        turn = turns.setdefault(event.run, _Turn())
        _take(turn, event)
        if event.type == RUN_FINISHED:
            text = _words(turn, event.data)
            place = turn.place if text else None
            found.append(Reply(derive_id("integration-reply", session, event.run), event.seq, text, place))
    return found


def _take(turn: _Turn, event: Event) -> None:
    metadata = event.data.get("metadata") if event.type == "user.message" else None
    if isinstance(metadata, dict) and metadata.get("type") == SOURCE:
        turn.place = metadata["place"]
    elif event.type == "agent.message":
        turn.text = "".join(block.get("text", "") for block in event.data.get("content", ()))


def _words(turn: _Turn, end: dict[str, Any]) -> str:
    if end.get("status") in ("failed", "timed_out"):
        return f"{turn.text}\n\n{FAILED}".strip()
    if end.get("status") == "completed":
        return turn.text or _SAID_NOTHING
    return ""
