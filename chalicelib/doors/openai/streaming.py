"""Streams of a session's events: open-ended, or of the first turn of a new session."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from chalicelib.doors.openai.clock import Beat
from chalicelib.doors.openai.narrating import Narrator
from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef
from chalicelib.events.tail import Follower
from chalicelib.http import sse


@dataclass(frozen=True, slots=True)
class Begin:
    """Where a stream begins: after a record, and after a position of the live fragments."""

    after: int
    position: str
    aligned: bool


async def open_ended(
    follower: Follower, ref: SessionRef, begin: Begin, narrator: Narrator, beat: Beat
) -> AsyncIterator[bytes]:
    """Everything from now on, until the session is deleted or the stream's time is over."""
    yield sse.comment("open")
    async for item in follower.follow(ref, begin.after, begin.position, aligned=begin.aligned):
        for frame in [] if item is None else narrator.tell(item):
            beat.spoke()
            yield frame
        if beat.ended() or (isinstance(item, Event) and item.type == "session.deleted"):
            return
        if beat.due():
            yield sse.comment("ping")


async def first_turn(
    follower: Follower, ref: SessionRef, begin: Begin, narrator: Narrator, beat: Beat
) -> AsyncIterator[bytes]:
    """A new session and its first turn, to the rest that follows."""
    yield narrator.created()
    finished = False
    async for item in follower.follow(ref, begin.after, begin.position, aligned=begin.aligned):
        for frame in [] if item is None else narrator.tell(item):
            beat.spoke()
            yield frame
        if isinstance(item, Event):
            finished = finished or item.type == "run.finished"
            if item.type == "session.deleted" or (finished and item.type == "session.status_idle"):
                return
        if beat.ended():
            return
        if beat.due():
            yield sse.comment("ping")
