"""Bytes both ways between two connections until both have ended."""

import time
from typing import Protocol

from chalicelib.sandbox.box.egress.channel import Channel, Halt, wait

IDLE_SECONDS = 600.0
_HOLD_SECONDS = 0.25


class Filter(Protocol):
    """Changes bytes on their way and may hold some back."""

    @property
    def holding(self) -> bool:
        """Whether ``pause`` would give something."""
        ...

    def feed(self, data: bytes) -> bytes:
        """What may go on after these came."""
        ...

    def pause(self) -> bytes:
        """What may go on although nothing followed for a while."""
        ...

    def end(self) -> bytes:
        """The rest."""
        ...


class Unchanged:
    """Lets everything pass."""

    holding = False

    def feed(self, data: bytes) -> bytes:
        """The same."""
        return data

    def pause(self) -> bytes:
        """Nothing is held."""
        return b""

    def end(self) -> bytes:
        """Nothing is held."""
        return b""


def relay(
    client: Channel, upstream: Channel, halt: Halt, *, answers: Filter | None = None, idle: float = IDLE_SECONDS
) -> None:
    """Carry bytes until both sides have ended or nothing moved for ``idle`` seconds. Raises OSError, Halted.

    ``answers`` sees what goes to the client.
    """
    down: Filter = answers or Unchanged()
    halves = ((client, upstream, Unchanged()), (upstream, client, down))
    until = time.monotonic() + idle
    while not _over(client, upstream):
        if sum(_pour(*half) for half in halves):
            until = time.monotonic() + idle
            continue
        left = until - time.monotonic()
        if left <= 0:
            return
        wanted = {
            side: side.interest(reading=not other.full) for side, other in ((client, upstream), (upstream, client))
        }
        if not wait(halt, wanted, min(left, _HOLD_SECONDS) if down.holding else left):
            client.queue(down.pause())


def _pour(source: Channel, target: Channel, through: Filter) -> bool:
    moved = target.flush()
    if source.ended or target.full:
        return moved
    data = source.receive()
    if data is None:
        return moved
    if data:
        target.queue(through.feed(data))
        target.flush()
    else:
        target.queue(through.end())
        target.finish()
    return True


def _over(client: Channel, upstream: Channel) -> bool:
    if client.secured or upstream.secured:
        return (client.ended and upstream.drained) or (upstream.ended and client.drained)
    return client.ended and upstream.ended and client.drained and upstream.drained
