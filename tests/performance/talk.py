"""A session with an open stream, and turns on it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.performance.wire import Json, Wire

_nonces = itertools.count(1)
_PATIENCE = 60.0


@dataclass(slots=True)
class Turn:
    """Moments of one turn in monotonic seconds: the request, the first fragment of text, the idle frame."""

    nonce: str
    sent: float
    idle: float = 0.0
    first: float | None = None
    types: list[str] = field(default_factory=list)


@dataclass
class Talk:
    """One session and its reader."""

    session: str
    wire: Wire
    frames: AsyncIterator[tuple[float, Json]]

    async def turn(self, script: str = "tokens:20") -> Turn:
        """Send a message and read until the session rests; the client's tools are answered at once."""
        nonce = f"n{next(_nonces):07d}"
        path = f"/v1/sessions/{self.session}/events"
        text = {"type": "text", "text": f"nonce:{nonce} {script} ."}
        posting = asyncio.create_task(
            self.wire.ask("POST", path, {"events": [{"type": "user.message", "content": [text]}]})
        )
        turn = Turn(nonce, 0.0)
        async with asyncio.timeout(_PATIENCE):
            async for at, event in self.frames:
                turn.types.append(event["type"])
                if event["type"] == "event_delta" and turn.first is None:
                    turn.first = at
                if event["type"] != "session.status_idle":
                    continue
                turn.sent, turn.idle = turn.sent or (await posting).sent, at
                if event["stop_reason"]["type"] != "requires_action":
                    return turn
                await self.wire.ask("POST", path, {"events": _answers(event["stop_reason"]["event_ids"])})
        raise AssertionError(f"the stream ended after {turn.types}")


def _answers(uses: list[str]) -> list[dict[str, Any]]:
    content = [{"type": "text", "text": "done"}]
    return [{"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": content} for use in uses]


@asynccontextmanager
async def talk(url: str, key: str, session: str, *, deltas: bool = False) -> AsyncIterator[Talk]:
    """The session with its stream open."""
    query = "?event_deltas=agent.message" if deltas else ""
    async with Wire(url, key) as wire, Wire(url, key) as reading:
        frames = reading.events(f"/v1/sessions/{session}/events/stream{query}")
        await anext(frames)
        yield Talk(session, wire, frames)
        await frames.aclose()  # type: ignore[attr-defined]
