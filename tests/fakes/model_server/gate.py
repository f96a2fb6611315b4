"""A place where requests wait until a test lets them go on."""

import asyncio
from typing import Any


class Gate:
    """Closed by `close`, opened by `open`; at most one gate stands at a time."""

    def __init__(self) -> None:
        self.held = 0
        self._rule: dict[str, Any] | None = None
        self._open = asyncio.Event()

    def close(self, rule: dict[str, Any]) -> None:
        """`{"at": "arrival" | "stop"}` or `{"after_tokens": N}`, with `match` as a part of the newest user text."""
        self.open()
        self._rule, self._open = rule, asyncio.Event()

    def open(self) -> None:
        self._rule = None
        self._open.set()

    async def passed(self, text: str, at: str | int) -> None:
        """Waits here if the gate stands at this point of this conversation."""
        rule = self._rule
        if rule is None or rule.get("match", "") not in text or rule.get("after_tokens", rule.get("at")) != at:
            return
        self.held += 1
        try:
            await self._open.wait()
        finally:
            self.held -= 1
