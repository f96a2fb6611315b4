"""A session in memory, on which requests are planned one after another; nothing is stored."""

from typing import Any, cast

from chalicelib.core.ids import new_id
from chalicelib.events.event import Draft
from chalicelib.events.log import SessionLog, SessionRef, Tail
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.model import Call, Head, QueuedInput, RunMark
from chalicelib.sessions.planning import Planner
from chalicelib.sessions.store import Loaded, SessionStore, inbox_sk
from chalicelib.storage import writes
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Space

STORE = SessionStore(cast(Any, None), Documents(cast(Any, None)), cast(Any, None), cast(SessionLog, None))
REF = SessionRef(Space("tenant"), new_id())
STEER = Manner("steer", echo_idle_interrupt=True, drop_queued=False)
QUEUE = Manner("queue")


class Called:
    """Workers that are called with one write."""

    def __init__(self) -> None:
        self.write = writes.delete(REF.key("called"))

    def wanted(self, ref: SessionRef, environment: str) -> list[writes.Write]:
        """The write that calls one."""
        return [self.write]

    def over(self, ref: SessionRef, environment: str) -> list[writes.Write]:
        """Nothing is to be stopped."""
        return []


WORKERS = Called()


def head(**fields: Any) -> Head:
    """An idle session."""
    return Head(REF.id, "agent", 1, "Agent", "environment", created_at=1, updated_at=1, **fields)


def running(state: Any = "running", **fields: Any) -> Head:
    """A session with a run in hand."""
    made = head(status="running", run=RunMark("run-1", state), **fields)
    made.status = "idle" if state == "waiting" else "running"
    return made


def waiting(**kinds: Any) -> Head:
    """A session that waits for the client's answers; kinds by call id."""
    return running("waiting", calls={call: Call(kind, "tool") for call, kind in kinds.items()})


def queued(seq: int, policy: Any = "queue", run: str = "run-2") -> QueuedInput:
    """An input that waits."""
    return QueuedInput(inbox_sk(seq), f"input-{seq}", "user.message", {"content": []}, policy, run, seq, 1, "managed")


def plan(given: Head, *items: Input, manner: Manner = QUEUE, inbox: tuple[QueuedInput, ...] = ()) -> Planner:
    """Plan one request."""
    planner = Planner(STORE, REF, Loaded(given, Tail(11, 5), inbox=list(inbox)), manner, WORKERS)
    for position, item in enumerate(items):
        planner.take(item, position)
    return planner


def types(records: list[Draft]) -> list[str]:
    """The types, in order."""
    return [record.type for record in records]


def said(text: str = "hello", event_id: str | None = None) -> Input:
    """A user's message."""
    return Input("user.message", {"content": [{"type": "text", "text": text}]}, event_id)


def interrupt() -> Input:
    """A request to stop."""
    return Input("user.interrupt", {})


def result(call: str) -> Input:
    """The client's result of a custom tool."""
    return Input("user.custom_tool_result", {"custom_tool_use_id": call, "content": []}, None, call)


def confirmation(call: str, decision: str = "allow") -> Input:
    """The client's decision about a tool use."""
    return Input("user.tool_confirmation", {"tool_use_id": call, "result": decision}, None, call)
