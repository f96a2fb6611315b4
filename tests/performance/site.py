"""One running server under measurement, and what is measured of it over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.performance.bench_model import BenchModel, Spoke
from tests.performance.figures import Figure
from tests.performance.footprint import cpu_ms
from tests.performance.talk import Turn, talk
from tests.performance.wire import Wire
from tests.support.server import Server

_AT_ONCE = 10
_READERS = 50
_ASKERS = 8
_COMMAND = 'tool:bash input:{"command": "date >> log"}'


def _figures() -> dict[str, Figure]:
    made = [
        Figure("create a session", "ms", 5),
        Figure("first token over the model's own", "ms", 25),
        Figure("one-call turn over the model's own", "ms", 45),
        Figure("ten calls of an HTTP tool over the model's own", "ms", 150),
        Figure("ten calls of a client's tool over the model's own", "ms"),
        Figure("ten commands in a sandbox over the model's own", "ms", 150),
        Figure("a turn, ten sessions at once", "ms", 350),
        Figure("processor per turn", "ms", 30),
        Figure("processor per turn, ten at once", "ms"),
        Figure("first turn of a process", "ms"),
        Figure("read one session", "ms"),
        Figure("reads a second, eight clients", "1/s"),
        Figure("record to client, fifty streams", "ms"),
        Figure("turn 500 against turn 1", "x", 1.25),
    ]
    return {figure.name: figure for figure in made}


@dataclass
class Site:
    """Measures one server; every method adds samples to ``figures``."""

    server: Server
    model: BenchModel
    tool_url: str
    figures: dict[str, Figure] = field(default_factory=_figures)
    agents: dict[str, str] = field(default_factory=dict)
    environment: str = ""

    async def prepare(self) -> None:
        """Make agents and the environment, and let the process take its first turn."""
        async with self._wire() as wire:
            made = await wire.ask("POST", "/v1/environments", {"name": "Bench", "config": {"type": "cloud"}})
            self.environment = made.body["id"]
            for name, tools in self._tools().items():
                agent = {"name": name, "model": "claude-test", "tools": tools}
                self.agents[name] = (await wire.ask("POST", "/v1/agents", agent)).body["id"]
        await self._turns("plain", 1, "first turn of a process")

    def _tools(self) -> dict[str, list[dict[str, Any]]]:
        noop = {"type": "custom", "name": "noop", "description": "Does nothing.", "input_schema": {"type": "object"}}
        execution = {"type": "http", "endpoint": self.tool_url}
        bash = {"type": "agent_toolset_20260401"}
        return {"plain": [], "http": [noop | {"execution": execution}], "client": [noop], "bash": [bash]}

    def _wire(self) -> Wire:
        return Wire(self.server.url, self.server.api_key)

    async def _session(self, agent: str = "plain") -> str:
        async with self._wire() as wire:
            return str((await wire.ask("POST", "/v1/sessions", self._wanted(agent))).body["id"])

    def _wanted(self, agent: str) -> dict[str, Any]:
        return {"agent": self.agents[agent], "environment_id": self.environment}

    async def creates(self, count: int) -> None:
        """Sessions, one after the other on one connection."""
        async with self._wire() as wire:
            for _ in range(count):
                reply = await wire.ask("POST", "/v1/sessions", self._wanted("plain"))
                self.figures["create a session"].add(reply.ms)

    async def first_tokens(self, count: int) -> None:
        """From the request to the first fragment, less what the model took for it."""
        async with talk(self.server.url, self.server.api_key, await self._session(), deltas=True) as one:
            for _ in range(count):
                self.model.forget()
                turn = await one.turn("tokens:10 ttft:20 gap:5")
                spoke = self._spoke(turn)[0]
                assert turn.first is not None, turn.types
                took = (turn.first - turn.sent) - (spoke.first - spoke.arrived)
                self.figures["first token over the model's own"].add(took * 1000)

    async def turns(self, count: int) -> None:
        """One-call turns of one session."""
        await self._turns("plain", count, "one-call turn over the model's own")

    async def tool_turns(self, count: int) -> None:
        """Turns with ten tool calls, carried out by the server and by the client."""
        await self._turns("http", count, "ten calls of an HTTP tool over the model's own", "tools:10")
        await self._turns("client", count, "ten calls of a client's tool over the model's own", "tools:10")
        async with talk(self.server.url, self.server.api_key, await self._session("bash")) as one:
            # The first call starts the sandbox, which is measured by itself.
            await one.turn(_COMMAND)
            for _ in range(count):
                self.model.forget()
                turn = await one.turn(f"{_COMMAND} tools:10")
                self.figures["ten commands in a sandbox over the model's own"].add(self._over(turn))

    async def _turns(self, agent: str, count: int, figure: str, script: str = "tokens:20") -> None:
        async with talk(self.server.url, self.server.api_key, await self._session(agent)) as one:
            for _ in range(count):
                self.model.forget()
                self.figures[figure].add(self._over(await one.turn(script)))

    def _spoke(self, turn: Turn) -> list[Spoke]:
        spoke = self.model.spoke(turn.nonce)
        assert spoke, f"the model was not asked for {turn.nonce}"
        return spoke

    def _over(self, turn: Turn) -> float:
        own = sum(spoke.last - spoke.arrived for spoke in self._spoke(turn))
        return (turn.idle - turn.sent - own) * 1000

    async def processor(self, count: int) -> None:
        """Processor time of the whole process over many turns, one after the other."""
        async with talk(self.server.url, self.server.api_key, await self._session()) as one:
            before = cpu_ms(self.server.pid)
            for _ in range(count):
                await one.turn()
            self.figures["processor per turn"].add((cpu_ms(self.server.pid) - before) / count)

    async def at_once(self) -> None:
        """A turn of each of ten sessions at the same time."""
        async with AsyncExitStack() as stack:
            sessions = [await self._session() for _ in range(_AT_ONCE)]
            pairs = [talk(self.server.url, self.server.api_key, one) for one in sessions]
            talks = [await stack.enter_async_context(one) for one in pairs]
            before = cpu_ms(self.server.pid)
            turns = await asyncio.gather(*(one.turn() for one in talks))
            spent = cpu_ms(self.server.pid) - before
        self.figures["a turn, ten sessions at once"].add(*((turn.idle - turn.sent) * 1000 for turn in turns))
        self.figures["processor per turn, ten at once"].add(spent / _AT_ONCE)

    async def long_session(self, turns: int, edge: int) -> None:
        """The last turns of a long session against its first: middle of each edge."""
        figure = self.figures[f"turn {turns} against turn 1"] = self.figures.pop("turn 500 against turn 1")
        figure.name = f"turn {turns} against turn 1"
        async with talk(self.server.url, self.server.api_key, await self._session()) as one:
            took = []
            for number in range(turns):
                turn = await self._edge_turn(one, asked=number < edge or number >= turns - edge)
                took.append(turn)
        first, last = sorted(took[:edge])[edge // 2], sorted(took[-edge:])[edge // 2]
        figure.add(last / first)

    async def _edge_turn(self, one: Any, *, asked: bool) -> float:
        self.model.forget()
        turn = await one.turn()
        return self._over(turn) if asked else 0.0

    async def reads(self, seconds: float) -> None:
        """Reads of one session: alone, and by eight clients at once."""
        path = f"/v1/sessions/{await self._session()}"
        async with self._wire() as wire:
            for _ in range(50):
                self.figures["read one session"].add((await wire.ask("GET", path)).ms)
        until = time.monotonic() + seconds
        counts = await asyncio.gather(*(self._ask_until(path, until) for _ in range(_ASKERS)))
        self.figures["reads a second, eight clients"].add(sum(counts) / seconds)

    async def _ask_until(self, path: str, until: float) -> int:
        done = 0
        async with self._wire() as wire:
            while time.monotonic() < until:
                await wire.ask("GET", path)
                done += 1
        return done

    async def readers(self, count: int) -> None:
        """From a record's own time to its arrival at each of fifty streams of its session."""
        session = await self._session()
        async with AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(self._stream(session)) for _ in range(_READERS)]
            wire = await stack.enter_async_context(self._wire())
            for number in range(count):
                waiting = [asyncio.create_task(_delay(stream)) for stream in streams]
                await wire.ask("POST", f"/v1/sessions/{session}", {"title": f"Title {number}"})
                self.figures["record to client, fifty streams"].add(*await asyncio.gather(*waiting))

    @asynccontextmanager
    async def _stream(self, session: str) -> AsyncIterator[Any]:
        async with self._wire() as wire:
            frames = wire.events(f"/v1/sessions/{session}/events/stream")
            await anext(frames)
            yield frames
            with suppress(RuntimeError):
                await frames.aclose()  # type: ignore[attr-defined]


async def _delay(frames: AsyncIterator[Any]) -> float:
    async for _, event in frames:
        if event["type"] == "session.updated":
            written = datetime.fromisoformat(event["processed_at"]).timestamp()
            return (time.time() - written) * 1000
    raise AssertionError("the stream ended")


def over(figures: Iterable[Figure]) -> list[str]:
    """The names of those that miss their mark."""
    return [figure.name for figure in figures if figure.samples and figure.verdict == "over"]
