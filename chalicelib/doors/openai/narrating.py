"""A session's log told as this family's stream of events."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.ids import dress
from chalicelib.core.jsonio import dumps
from chalicelib.doors.openai.common import event_name
from chalicelib.doors.openai.reading import BEGUN, FINISHED, QUEUED, RESUMED, Turn
from chalicelib.doors.openai.render import agents as render_agents
from chalicelib.doors.openai.render import items as render_items
from chalicelib.doors.openai.render import sessions as render_sessions
from chalicelib.doors.openai.render import subagents as render_subagents
from chalicelib.doors.openai.render import turns as render_turns
from chalicelib.events import live
from chalicelib.events.event import Event
from chalicelib.events.live import Fragment
from chalicelib.http import sse

_SESSION, _TURN = "agent.session", "agent.session.turn"


@dataclass(slots=True)
class _Speech:
    """An item that is being put out: its place among the turn's items, and what was told of it."""

    place: int
    kind: str
    told: str = ""
    closed: bool = False


@dataclass(slots=True)
class Narrator:
    """Tells records and fragments, in their order, to one connection.

    ``session`` is the session as printed when the connection began; it follows what the records say. ``uses`` are the
    tool uses known to be open.
    """

    session_id: str
    agent_id: str
    session: dict[str, Any]
    uses: dict[str, Event] = field(default_factory=dict)
    turns: dict[str, Turn] = field(default_factory=dict)
    run: str = ""
    _speech: dict[str, _Speech] = field(default_factory=dict)
    _places: int = 0
    _number: int = 0
    _about: str = ""

    def created(self) -> bytes:
        """The frame that tells of a new session."""
        self._about, self._number = self.session_id, 0
        return self._of_session("created")

    def tell(self, item: Event | Fragment) -> list[bytes]:
        """The frames of what comes next. Of other agents that work on threads only their calls are remembered."""
        if item.thread is not None:
            if isinstance(item, Event) and item.type in render_items.USES:
                self.uses[item.id] = item
            return []
        if isinstance(item, Fragment):
            self._about = f"{item.event_id}{item.phase}{len(self._told(item.event_id))}"
            self._number = 0
            return list(self._fragment(item))
        self._about, self._number = item.id, 0
        return list(self._event(item))

    def _told(self, event_id: str) -> str:
        known = self._speech.get(event_id)
        return "" if known is None else known.told

    def _event(self, event: Event) -> Iterator[bytes]:
        if event.type.startswith("run."):
            yield from self._of_run(event)
        elif event.type.startswith("session."):
            yield from self._of_status(event)
        elif (use := render_items.answered(event)) is not None:
            yield from self._result(event, use)
        elif render_items.is_item(event):
            yield from self._item(event)

    def _of_run(self, event: Event) -> Iterator[bytes]:
        run = event.run or ""
        if event.type == QUEUED:
            self.turns[run] = Turn(run, event.at)
            yield self._of_turn(run, "created")
            return
        if event.type in BEGUN or event.type == RESUMED:
            self.run = run
        before = self.turns.get(run) or Turn(run, event.at, event.at)
        self.turns[run] = before.after(event)
        if event.type == FINISHED:
            shown = self._of_turn(run, self.turns[run].status)
            del self.turns[run]
            self._speech, self._places = {}, 0
            yield shown
        elif self.turns[run].status == "in_progress" and before.status != "in_progress":
            yield self._of_turn(run, "in_progress")

    def _of_status(self, event: Event) -> Iterator[bytes]:
        self.session["last_active_at"] = event.at // 1000
        if event.type == "session.usage":
            self.session["usage"] = render_sessions.usage(event.data["usage"])
        elif event.type == "session.updated":
            self._updated(event)
        elif event.type == "session.thread_created":
            shown = render_subagents.created(event, self.session_id, self.agent_id)
            yield self._frame(f"{_SESSION}.subagent.created", {"subagent": shown})
        elif event.type == "session.status_running":
            yield from self._now("in_progress", [])
        elif event.type == "session.status_idle":
            yield from self._rest(event.data.get("stop_reason") or {})
        elif event.type == "session.status_terminated":
            yield from self._now("failed", [])
        elif event.type == "session.error" and not event.data["error"].get("retryable"):
            yield self._error(event.data["error"])

    def _updated(self, event: Event) -> None:
        if "metadata" in event.data:
            self.session["metadata"] = event.data["metadata"]
        if "agent" in event.data:
            self.session["agent"] = render_agents.pinned(event.data["agent"])

    def _rest(self, stop: dict[str, Any]) -> Iterator[bytes]:
        status = render_sessions.resting(stop)
        if status != "in_progress":
            found = [self.uses[one] for one in stop.get("event_ids") or () if one in self.uses]
            yield from self._now(status, render_sessions.required_actions(found, self.run))

    def _now(self, status: str, actions: list[dict[str, Any]]) -> Iterator[bytes]:
        if status == "in_progress" and self.session["status"] == status:
            return
        self.session |= {"status": status, "required_actions": actions}
        yield self._of_session(status)

    def _item(self, event: Event) -> Iterator[bytes]:
        shown = render_items.item(event)
        if event.type in render_items.USES:
            self.uses[event.id] = event
            yield self._added(shown, self._place(event.id, "tool"))
        elif event.type == "agent.message":
            yield from self._said(event, shown)
        elif event.type == "agent.thinking":
            yield from self._thought(event, shown)
        else:
            yield self._added(shown, None)

    def _said(self, event: Event, shown: dict[str, Any]) -> Iterator[bytes]:
        text = "".join(part["text"] for part in shown["content"])
        if event.id not in self._speech:
            yield from self._begin(event.id, live.MESSAGE)
        if rest := text[len(self._told(event.id)) :]:
            yield self._delta(event.id, rest)
        where = self._where(event.id) | {"content_index": 0}
        yield self._frame(f"{_TURN}.output_text.done", where | {"text": text})
        yield self._frame(f"{_TURN}.content_part.done", where | {"part": {"type": "output_text", "text": text}})
        yield self._done(shown, self._speech[event.id].place)

    def _thought(self, event: Event, shown: dict[str, Any]) -> Iterator[bytes]:
        text = shown["summary"][0]["text"]
        if event.id not in self._speech:
            yield from self._begin(event.id, live.THINKING)
        if rest := text[len(self._told(event.id)) :]:
            yield self._delta(event.id, rest)
        yield from self._thought_through(event.id, text)
        yield self._done(shown, self._speech[event.id].place)

    def _thought_through(self, event_id: str, text: str) -> Iterator[bytes]:
        if self._speech[event_id].closed:
            return
        self._speech[event_id].closed = True
        where = self._where(event_id) | {"summary_index": 0}
        yield self._frame(f"{_TURN}.reasoning_summary_text.done", where | {"text": text})
        part = {"type": "summary_text", "text": text}
        yield self._frame(f"{_TURN}.reasoning_summary_part.done", where | {"part": part})

    def _result(self, event: Event, use_id: str) -> Iterator[bytes]:
        use = self.uses.get(use_id)
        if use is not None:
            yield self._done(render_items.item(use, event), self._place(use_id, "tool"))
        if render_items.is_item(event):
            yield self._added(render_items.item(event), None)

    def _fragment(self, item: Fragment) -> Iterator[bytes]:
        if item.kind == live.TOOL_INPUT:
            return
        if item.phase == "start" and item.event_id not in self._speech:
            yield from self._begin(item.event_id, item.kind)
        elif item.phase == "delta" and item.event_id in self._speech:
            yield self._delta(item.event_id, item.text)
        elif item.kind == live.THINKING and item.phase == "end" and item.event_id in self._speech:
            # What follows is said after it, so its end is told before; its item is done with its record.
            yield from self._thought_through(item.event_id, self._told(item.event_id))

    def _begin(self, event_id: str, kind: str) -> Iterator[bytes]:
        place = self._place(event_id, kind)
        if kind == live.MESSAGE:
            shown = render_items.message(event_id, [], "in_progress")
            opening, part = "content_part.added", {"type": "output_text", "text": ""}
        else:
            shown = render_items.reasoning(event_id, [], "in_progress")
            opening, part = "reasoning_summary_part.added", {"type": "summary_text", "text": ""}
        yield self._added(shown | {"turn_id": self._turn_name()}, place)
        index = "content_index" if kind == live.MESSAGE else "summary_index"
        yield self._frame(f"{_TURN}.{opening}", self._where(event_id) | {index: 0, "part": part})

    def _delta(self, event_id: str, text: str) -> bytes:
        known = self._speech[event_id]
        known.told += text
        is_message = known.kind == live.MESSAGE
        name = "output_text.delta" if is_message else "reasoning_summary_text.delta"
        index = "content_index" if is_message else "summary_index"
        return self._frame(f"{_TURN}.{name}", self._where(event_id) | {index: 0, "delta": text})

    def _place(self, event_id: str, kind: str) -> int:
        known = self._speech.get(event_id)
        if known is None:
            known = self._speech[event_id] = _Speech(self._places, kind)
            self._places += 1
        return known.place

    def _where(self, event_id: str) -> dict[str, Any]:
        known = self._speech[event_id]
        name = event_name("msg" if known.kind == live.MESSAGE else "rs", event_id)
        return {**self._here(), "item_id": name, "output_index": known.place}

    def _here(self) -> dict[str, Any]:
        return {"session_id": self.session["id"], "turn_id": self._turn_name()}

    def _turn_name(self) -> str:
        return dress("turn", self.run)

    def _added(self, shown: dict[str, Any], place: int | None) -> bytes:
        here = {"session_id": self.session["id"], "turn_id": shown["turn_id"]}
        return self._frame(f"{_TURN}.item.added", here | {"item": shown, "output_index": place})

    def _done(self, shown: dict[str, Any], place: int) -> bytes:
        here = {"session_id": self.session["id"], "turn_id": shown["turn_id"]}
        return self._frame(f"{_TURN}.item.done", here | {"item": shown, "output_index": place})

    def _of_session(self, what: str) -> bytes:
        return self._frame(f"{_SESSION}.{what}", {"session": self.session})

    def _of_turn(self, run: str, what: str) -> bytes:
        shown = render_turns.turn(self.turns[run], self.session_id, self.agent_id)
        about = {"session_id": self.session["id"], "turn_id": shown["id"], "turn": shown}
        if shown["usage"] is not None:
            about["usage"] = shown["usage"]
        return self._frame(f"{_TURN}.{what}", about)

    def _error(self, stored: dict[str, Any]) -> bytes:
        known = render_turns.error(stored)
        error = {"type": "server_error", "code": known["code"], "message": known["message"], "param": None}
        return self._frame("error", {"session_id": self.session["id"], "error": error})

    def _frame(self, kind: str, about: dict[str, Any]) -> bytes:
        name = f"evt_{self._about.replace('-', '')}_{self._number}"
        self._number += 1
        return sse.frame(kind, dumps({"type": kind, "event_id": name, **about}))
