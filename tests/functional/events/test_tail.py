"""Following a growing log: every record once and in order, fragments in their places."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chalicelib.core.ids import new_id
from chalicelib.events.event import Draft, Event
from chalicelib.events.hub import Hub
from chalicelib.events.live import Fragment
from chalicelib.events.log import SessionRef, Tail
from chalicelib.events.tail import Follower, Pace
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services

QUICK = Pace(5, 20)


@pytest.fixture
def ref() -> SessionRef:
    return SessionRef(Space(new_id()), new_id())


def follower(services: Services, hub: Hub | None = None) -> Follower:
    return Follower(services.log, services.live, hub or Hub(), QUICK)


async def taken(items: AsyncIterator[Event | Fragment | None], count: int) -> list[Event | Fragment]:
    """The next so many items that are news."""
    found: list[Event | Fragment] = []
    async for item in items:
        if item is not None:
            found.append(item)
        if len(found) == count:
            return found
    return found


def append(services: Services, ref: SessionRef, tail: Tail, count: int) -> list[Event]:
    return services.log.append(ref, tail, [Draft("session.warning") for _ in range(count)])


@pytest.mark.parametrize("after", [0, 1, 2, 3, 7, 250])
def test_what_is_there_and_what_comes_is_seen_once(services: Services, ref: SessionRef, after: int) -> None:
    tail = Tail()
    for size in (2, 3) * 50:
        append(services, ref, tail, size)

    async def follow() -> list[Event | Fragment]:
        items = follower(services).follow(ref, after)
        old = await taken(items, 250 - after) if after < 250 else []
        for size in (1, 4):
            append(services, ref, tail, size)
        return old + await taken(items, 5)

    seen = asyncio.run(asyncio.wait_for(follow(), 20))
    assert [event.seq for event in seen if isinstance(event, Event)] == list(range(after + 1, 256))


def test_a_reader_waiting_at_the_end_is_woken_by_a_report(services: Services, ref: SessionRef) -> None:
    hub, tail = Hub(), Tail()
    hub.attach()
    append(services, ref, tail, 1)

    async def follow() -> float:
        items = Follower(services.log, services.live, hub, Pace(60_000, 60_000)).follow(ref, 1)
        assert await anext(items) is None
        waiting = asyncio.ensure_future(taken(items, 1))
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        append(services, ref, tail, 1)
        hub.notify(ref.pk)
        await waiting
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(asyncio.wait_for(follow(), 20)) < 1


def test_fragments_stand_between_the_record_before_and_the_record_after_them(
    services: Services, ref: SessionRef
) -> None:
    tail = Tail()
    append(services, ref, tail, 2)

    async def follow() -> list[str]:
        reader = follower(services)
        position = await reader.join(ref)
        items = reader.follow(ref, 1, position)
        services.live.write(ref, 2, 1, [Fragment("message", "start", "e"), Fragment("message", "delta", "e", "a")])
        services.live.write(ref, 4, 1, [Fragment("message", "delta", "f", "later")])
        services.live.write(ref, 2, 2, [Fragment("message", "end", "e")])
        append(services, ref, tail, 1)
        append(services, ref, tail, 1)
        seen = await taken(items, 7)
        return [str(item.seq) if isinstance(item, Event) else item.text or item.phase for item in seen]

    assert asyncio.run(asyncio.wait_for(follow(), 20)) == ["2", "start", "a", "end", "3", "4", "later"]


def test_who_did_not_ask_sees_no_fragments(services: Services, ref: SessionRef) -> None:
    tail = Tail()
    append(services, ref, tail, 1)
    services.live.write(ref, 0, 1, [Fragment("message", "start", "e")])

    async def follow() -> list[Event | Fragment]:
        items = follower(services).follow(ref, 0)
        first = await taken(items, 1)
        assert await anext(items) is None
        return first

    assert [type(item) for item in asyncio.run(asyncio.wait_for(follow(), 20))] == [Event]
