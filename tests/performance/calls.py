"""AWS calls of each operation, counted in process against the laptop's engine."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3

from chalicelib.core.ids import undress
from chalicelib.core.settings import Settings
from chalicelib.events.log import SessionRef
from chalicelib.events.tail import Follower, Pace
from chalicelib.http.app import create_app
from chalicelib.local.engine import Engine
from chalicelib.models.registry import Registry
from chalicelib.models.settings import ModelSettings
from chalicelib.runs import entry, watch
from chalicelib.runs.worker import NO_LIMIT_MS
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.performance.metering import Bill, Meter
from tests.performance.toolhost import tool_host
from tests.support.clock import Clock

_TEMPLATE = Path(__file__).parents[2] / "infra" / "data.json"
_REGION = "us-east-1"
_CALLS = 10
_PAUSE_SECONDS = 3600
TURN, LATER, NEW = "a one-call turn, all but the stream", "the same after a pause", "the same in new processes"
MARKS = {"create a session": 2, TURN: 8, LATER: 8, "one HTTP tool call": 2}
"""At most so many calls."""


@dataclass
class Bench:
    """The parts of a process that is asked and of one that works, over a fresh engine, with every call metered.

    However slow the machine is, what they remember of tenants and keys grows old only when ``clock`` is moved, and no
    run takes so long that it looks whether somebody wrote meanwhile.
    """

    services: Services
    worker: Services
    clock: Clock
    meter: Meter
    key: str
    bills: dict[str, dict[str, Any]] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)
    environment: str = ""

    def anew(self) -> "Bench":
        """The same with processes that have just begun."""
        fresh = _process(self.services.settings, self.services.models, self.meter, self.clock)
        worker = _process(self.services.settings, self.services.models, self.meter, self.clock)
        return replace(self, services=fresh, worker=worker)

    def keep(self, name: str, bill: Bill, times: int = 1) -> None:
        """Note what one operation cost, out of so many that were measured together."""
        told = bill.told()
        for part in ("calls", "read_units", "write_units"):
            told[part] = round(told[part] / times, 2)
        told["by_name"] = {call: round(count / times, 2) for call, count in told["by_name"].items()}
        self.bills[name] = told | {"mark": MARKS.get(name)}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A request through the whole application."""
        return asyncio.run(_ask(self.services, self.key, method, path, body))

    def measured(self, name: str, method: str, path: str, body: Any = None) -> Any:
        """A request whose cost is noted."""
        with self.meter.measuring() as bill:
            answer = self.ask(method, path, body)
        self.keep(name, bill)
        return answer

    def session(self, agent: str = "plain") -> str:
        """A new session's name."""
        return str(self.ask("POST", "/v1/sessions", self.wanted(agent))["id"])

    def wanted(self, agent: str) -> dict[str, Any]:
        """The body that makes a session."""
        return {"agent": self.agents[agent], "environment_id": self.environment}

    def ref(self, session: str) -> SessionRef:
        """A session as the core names it."""
        principal = self.services.keys.authenticate(self.key)
        core = undress("sesn", session)
        assert principal is not None
        assert core is not None
        return SessionRef(Space(principal.tenant), core)

    def say(self, session: str, text: str) -> None:
        """Send a message."""
        self.ask("POST", f"/v1/sessions/{session}/events", _message(text))

    def work(self, client: Any) -> None:
        """Let a worker handle what rings, with a receipt as the queue gives it."""
        url = self.services.settings.queue_url
        while messages := client.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages"):
            (message,) = messages
            receipt = message["ReceiptHandle"]
            entry.ring(message["Body"], receipt=receipt, remaining_ms=lambda: NO_LIMIT_MS, parts=self.worker)
            client.delete_message(QueueUrl=url, ReceiptHandle=receipt)


def _message(text: str) -> dict[str, Any]:
    return {"events": [{"type": "user.message", "content": [{"type": "text", "text": f"nonce:calls {text} ."}]}]}


async def _ask(services: Services, key: str, method: str, path: str, body: Any) -> Any:
    raw = b"" if body is None else json.dumps(body).encode()
    fields = {"x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json"}
    fields["content-length"] = str(len(raw))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }
    await create_app(services)(scope, receive, send)
    answer = json.loads(b"".join(message.get("body", b"") for message in sent[1:]))
    assert sent[0]["status"] < 300, answer
    return answer


@contextmanager
def _bench(model_url: str) -> Iterator[tuple[Bench, Any]]:
    engine = Engine.start(None)
    try:
        made = engine.deploy(json.loads(_TEMPLATE.read_text()), "bench", {})
        settings = Settings(
            table=made["Table"],
            bucket=made["Bucket"],
            queue_url=made["QueueUrl"],
            dead_letter_url=made["DlqUrl"],
            outbound_allow=("127.0.0.1",),
        )
        env = {"ANTHROPIC_BASE_URL": model_url, "ANTHROPIC_API_KEY": "provider-key", "LAMBENT_MODEL": "none"}
        models, clock = Registry(ModelSettings.from_env(env)), Clock()
        meter = Meter(settings.table, boto3.client("dynamodb", region_name=_REGION))
        services, worker = (_process(settings, models, meter, clock) for _ in range(2))
        _, minted = services.tenants.create("Bench")
        with patch.object(watch, "_POLLING_SECONDS", 3600.0):
            yield Bench(services, worker, clock, meter, minted.secret), boto3.client("sqs", region_name=_REGION)
    finally:
        engine.close()


def _process(settings: Settings, models: Registry, meter: Meter, clock: Clock) -> Services:
    made = Services(settings)
    made.__dict__["models"] = models
    clock.hold(made)
    # The parts keep their clients to themselves; only a meter has business with them.
    meter.watch(made.table._client, made.doorbells.client, made.objects._client)
    return made


def _prepare(bench: Bench, tool_url: str) -> None:
    made = bench.ask("POST", "/v1/environments", {"name": "Bench", "config": {"type": "cloud"}})
    bench.environment = made["id"]
    noop = {"type": "custom", "name": "noop", "description": "Does nothing.", "input_schema": {"type": "object"}}
    tools = {"plain": [], "http": [noop | {"execution": {"type": "http", "endpoint": tool_url}}], "client": [noop]}
    for name, offered in tools.items():
        agent = {"name": name, "model": "claude-test", "tools": offered, "system": "You are a helpful assistant."}
        bench.agents[name] = bench.ask("POST", "/v1/agents", agent)["id"]


def _requests(bench: Bench) -> str:
    session = str(bench.measured("create a session", "POST", "/v1/sessions", bench.wanted("plain"))["id"])
    bench.measured("read a session", "GET", f"/v1/sessions/{session}")
    for _ in range(20):
        bench.session()
    bench.measured("list 20 sessions", "GET", "/v1/sessions?limit=20")
    return session


def _turn(bench: Bench, queue: Any, session: str, names: tuple[str, str, str]) -> None:
    """A turn, noted under the names of its two parts and of the whole."""
    accepted, worked, whole = names
    bench.measured(accepted, "POST", f"/v1/sessions/{session}/events", _message("tokens:20"))
    with bench.meter.measuring() as bill:
        bench.work(queue)
    bench.keep(worked, bill)
    bench.bills[whole] = _sum(bench.bills[accepted], bench.bills[worked]) | {"mark": MARKS.get(whole)}


def _turns(bench: Bench, queue: Any, session: str) -> None:
    bench.say(session, "tokens:20")
    bench.work(queue)
    _turn(bench, queue, session, ("send a message", "the worker's part of a one-call turn", TURN))
    bench.clock.pass_by(_PAUSE_SECONDS)
    _turn(bench, queue, session, ("send a message after a pause", "the worker's part after a pause", LATER))
    _turn(bench.anew(), queue, session, ("send a message, new process", "the worker's part, new process", NEW))
    bench.measured("list a session's events", "GET", f"/v1/sessions/{session}/events")
    tooled = bench.session("http")
    bench.say(tooled, "tokens:20")
    bench.work(queue)
    bench.say(tooled, "tokens:20")
    with bench.meter.measuring() as without:
        bench.work(queue)
    bench.say(tooled, f"tools:{_CALLS} tokens:20")
    with bench.meter.measuring() as bill:
        bench.work(queue)
    bench.keep("one HTTP tool call", _less(bill, without), _CALLS)
    _client_tool(bench, queue)


def _client_tool(bench: Bench, queue: Any) -> None:
    session = bench.session("client")
    path = f"/v1/sessions/{session}/events"
    bench.say(session, "tools:1 tokens:20")
    bench.work(queue)
    uses = bench.ask("GET", f"/v1/sessions/{session}")["stop_reason"]["event_ids"]
    content = [{"type": "text", "text": "done"}]
    answers = [{"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": content} for use in uses]
    bench.measured("answer a client's tool call", "POST", path, {"events": answers})
    with bench.meter.measuring() as bill:
        bench.work(queue)
    bench.keep("the worker's part after that answer", bill)


def _tail(bench: Bench, session: str) -> None:
    ref, services = bench.ref(session), bench.services
    follower = Follower(services.log, services.live, services.hub, Pace(1, 1))
    end = services.session_store.load(ref).tail.next_seq - 1

    async def polls(position: str | None, bill: Bill) -> Bill:
        rounds = follower.follow(ref, end, position, aligned=True)
        await anext(rounds)
        bill.calls.clear()
        bill.read_units = 0.0
        for _ in range(_CALLS):
            await anext(rounds)
        return bill

    async def joined() -> str:
        return await follower.join(ref)

    with bench.meter.measuring() as bill:
        bench.keep("one look of a stream", asyncio.run(polls(None, bill)), _CALLS)
    with bench.meter.measuring() as bill:
        position = asyncio.run(joined())
        bench.keep("ask for deltas", bill)
    with bench.meter.measuring() as bill:
        bench.keep("one look of a stream with deltas", asyncio.run(polls(position, bill)), _CALLS)


def _sum(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    parts = {part: one[part] + other[part] for part in ("calls", "read_units", "write_units")}
    return parts | {"by_name": dict(Counter(one["by_name"]) + Counter(other["by_name"]))}


def _less(bill: Bill, other: Bill) -> Bill:
    calls = Counter({name: count - other.calls[name] for name, count in bill.calls.items()})
    return Bill(calls, bill.read_units - other.read_units, bill.write_units - other.write_units)


def count(model_url: str) -> dict[str, dict[str, Any]]:
    """Calls and units of every operation, by its name."""
    with tool_host() as tool_url, _bench(model_url) as (bench, queue):
        _prepare(bench, tool_url)
        session = _requests(bench)
        _turns(bench, queue, session)
        _tail(bench, session)
        return bench.bills


def table(bills: dict[str, dict[str, Any]]) -> str:
    """One line an operation."""
    width = max(map(len, bills))
    lines = [f"{'AWS calls':{width}}  calls  mark        read units  write units"]
    for name, bill in bills.items():
        mark = "" if bill["mark"] is None else bill["mark"]
        verdict = "" if bill["mark"] is None else ("ok" if bill["calls"] <= bill["mark"] else "over")
        calls = f"{bill['calls']:5.4g}  {mark:>4}  {verdict:4}"
        named = ", ".join(f"{count:g} {call.partition('.')[2]}" for call, count in bill["by_name"].items() if count)
        lines.append(f"{name:{width}}  {calls}  {bill['read_units']:10.4g}  {bill['write_units']:11.4g}  {named}")
    return "\n".join(lines)
