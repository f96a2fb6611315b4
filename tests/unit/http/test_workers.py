"""Blocking work on threads."""

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest

from chalicelib.http.workers import Workers, work_for

colour: ContextVar[str] = ContextVar("colour", default="none")


def test_results_errors_and_context_come_back() -> None:
    async def main() -> None:
        workers = Workers(2)
        colour.set("red")
        assert await workers.run(colour.get) == "red"
        assert await workers.run(lambda: colour.set("blue")) is not None
        assert colour.get() == "red"
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 / 0)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await workers.run(lambda: next(iter(())))

    asyncio.run(main())


def test_there_are_never_more_threads_than_said_and_no_work_is_lost() -> None:
    seen: set[str] = set()

    def work(number: int) -> int:
        seen.add(threading.current_thread().name)
        time.sleep(0.002)
        return number

    async def main() -> None:
        workers = Workers(3, name="few")
        assert await asyncio.gather(*(workers.run(work, number) for number in range(60))) == list(range(60))

    asyncio.run(main())
    assert 1 <= len(seen) <= 3


def test_idle_threads_are_used_again() -> None:
    names: list[str] = []

    async def main() -> None:
        workers = Workers(10, name="again")
        for _ in range(20):
            await workers.run(lambda: names.append(threading.current_thread().name))
            await asyncio.sleep(0.001)

    asyncio.run(main())
    assert len(set(names)) <= 2


def test_a_wait_that_is_given_up_harms_nobody() -> None:
    async def main() -> None:
        workers = Workers(1)
        release = threading.Event()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(workers.run(release.wait, 5), 0.02)
        release.set()
        assert await workers.run(lambda: "next") == "next"

    asyncio.run(main())


def test_calls_of_one_tenant_that_stand_still_leave_threads_for_others() -> None:
    async def crowd(workers: Workers, release: threading.Event) -> list[bool]:
        work_for("greedy")
        return await asyncio.gather(*(workers.run(release.wait, 5) for _ in range(6)))

    async def main() -> None:
        workers, release = Workers(2, most=8), threading.Event()
        standing = asyncio.create_task(crowd(workers, release))
        await asyncio.sleep(0)
        work_for("modest")
        assert await asyncio.wait_for(workers.run(lambda: "served"), 2) == "served"
        assert not standing.done()
        release.set()
        assert await standing == [True] * 6

    asyncio.run(main())


def test_a_tenants_calls_wait_for_its_own_threads_in_their_order() -> None:
    begun: list[int] = []

    async def main() -> None:
        workers = Workers(1, most=8)
        work_for("one")
        await asyncio.gather(*(workers.run(begun.append, number) for number in range(20)))

    asyncio.run(main())
    assert begun == list(range(20))
