"""Work beside the event loop: everybody's has a thread of its own."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from chalicelib.core.aside import aside

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


def test_however_many_wait_the_next_is_served_at_once() -> None:
    go_on = threading.Event()

    async def main() -> list[bool]:
        slow = [asyncio.create_task(aside(go_on.wait, 30)) for _ in range(150)]
        assert await aside(lambda: "quick") == "quick"
        assert not any(task.done() for task in slow)
        go_on.set()
        return await asyncio.gather(*slow)

    assert all(asyncio.run(main()))


def test_the_call_sees_its_arguments_and_the_callers_context() -> None:
    async def main() -> tuple[str, int]:
        WHO.set("somebody")
        return await aside(lambda number, *, more: (WHO.get(), number + more), 1, more=2)

    assert asyncio.run(main()) == ("somebody", 3)


def test_what_the_call_raises_is_raised_to_who_waits() -> None:
    with pytest.raises(OSError, match="no such name"):
        asyncio.run(aside(_fails))


def _fails() -> None:
    raise OSError("no such name")


def test_a_wait_that_is_cancelled_leaves_the_call_alone() -> None:
    go_on, ended = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(30)
        ended.set()

    async def main() -> None:
        task = asyncio.create_task(aside(work))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    go_on.set()
    assert ended.wait(30)
