"""The server: one asyncio loop, one `Connection` a client."""

import asyncio
import time
from collections import Counter
from http import HTTPStatus
from typing import Any

from tests.fakes.model_server import plan
from tests.fakes.model_server.anthropic_wire import AnthropicWire
from tests.fakes.model_server.connection import Connection, Exchange
from tests.fakes.model_server.gate import Gate
from tests.fakes.model_server.openai_wire import OpenAIWire
from tests.fakes.model_server.request import Asked, read
from tests.fakes.model_server.wire import Wire

MODELS = ("fake", "claude-fake", "gpt-fake")


class ModelServer:
    def __init__(self) -> None:
        self.gate = Gate()
        self.records: list[dict[str, Any]] = []
        self.scripted: list[Any] = []
        self.attempts: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self, port: int = 0) -> str:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self.handle, self._connections), "127.0.0.1", port, backlog=512
        )
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    async def handle(self, exchange: Exchange) -> None:
        path = exchange.path.split("?")[0].rstrip("/")
        wires: dict[str, type[AnthropicWire | OpenAIWire]] = {
            "/messages": AnthropicWire,
            "/chat/completions": OpenAIWire,
        }
        for end, wire in wires.items():
            if path.endswith(end) and exchange.method == "POST":
                return await self._model(exchange, wire)
        if path.startswith("/_"):
            return self._control(exchange, path)
        if path.endswith("/count_tokens"):
            return exchange.json({"input_tokens": 10})
        if path.endswith("/models"):
            return exchange.json({"object": "list", "data": [{"id": m, "object": "model"} for m in MODELS]})
        return exchange.json({"error": {"message": f"no {path}"}}, 404)

    def _control(self, exchange: Exchange, path: str) -> None:
        body = exchange.body
        if path == "/_requests":
            return exchange.json(self.records)
        if path == "/_held":
            return exchange.json(self.gate.held)
        if path == "/_script":
            self.scripted.extend(body)
        elif path == "/_hold":
            self.gate.close(body)
        elif path == "/_release":
            self.gate.open()
        elif path == "/_reset":
            self._reset()
        return exchange.json({})

    def _reset(self) -> None:
        self.gate.open()
        self.records.clear()
        self.scripted.clear()
        self.attempts.clear()

    def _record(self, exchange: Exchange, asked: Asked) -> dict[str, Any]:
        record = {
            "id": len(self.records),
            "method": exchange.method,
            "path": exchange.path,
            "headers": exchange.headers,
            "body": exchange.body,
            "text": asked.text,
            "stream": asked.stream,
            "status": None,
            "connection": exchange.connection,
            "arrived": exchange.arrived,
            "first_token": None,
            "last_token": None,
            "ended": None,
            "tokens": 0,
            "disconnected": False,
        }
        self.records.append(record)
        return record

    def _answer(self, asked: Asked) -> plan.Answer:
        for number, reply in enumerate(self.scripted):
            match = reply.get("match", "") if isinstance(reply, dict) else ""
            if match in asked.text:
                return plan.from_script(self.scripted.pop(number))
        return plan.from_directives(asked, self.attempts)

    async def _model(self, exchange: Exchange, shape: type[AnthropicWire | OpenAIWire]) -> None:
        asked = read(exchange.body)
        record = self._record(exchange, asked)
        answer = self._answer(asked)
        try:
            await self.gate.passed(asked.text, "arrival")
            await asyncio.sleep(answer.ttft / 1000)
            await self._reply(exchange, asked, answer, shape(asked, answer), record)
        except asyncio.CancelledError:
            record["disconnected"] = True
            raise
        finally:
            record["ended"] = time.monotonic()

    async def _reply(
        self, exchange: Exchange, asked: Asked, answer: plan.Answer, wire: Wire, record: dict[str, Any]
    ) -> None:
        record["status"] = answer.failure.status if answer.failure else 200
        if answer.failure:
            return exchange.json(*_refusal(exchange, answer.failure, wire))
        if answer.raw:
            return exchange.raw(answer.raw["text"].encode(), answer.raw["content_type"])
        if asked.stream:
            return await self._stream(exchange, asked, answer, wire, record)
        await asyncio.sleep(answer.gap * sum(frame.token for frame in wire.body()) / 1000)
        await self.gate.passed(asked.text, "stop")
        return exchange.json(wire.whole())

    async def _stream(
        self, exchange: Exchange, asked: Asked, answer: plan.Answer, wire: Wire, record: dict[str, Any]
    ) -> None:
        exchange.open_stream()
        for frame in wire.opening():
            exchange.send(frame.data)
        if await self._broken_off(exchange, answer, wire, 0):
            return
        for frame in wire.body():
            exchange.send(frame.data)
            if frame.token:
                _count(record)
                await self.gate.passed(asked.text, record["tokens"])
                if await self._broken_off(exchange, answer, wire, record["tokens"]):
                    return
                await asyncio.sleep(answer.gap / 1000)
        await self.gate.passed(asked.text, "stop")
        for frame in wire.closing():
            exchange.send(frame.data)
        exchange.close_stream()

    async def _broken_off(self, exchange: Exchange, answer: plan.Answer, wire: Wire, tokens: int) -> bool:
        """Whether the script ends the answer here; a hang ends only with the client's leaving."""
        if answer.hang_at == tokens:
            await asyncio.Event().wait()
        if answer.fail_at == tokens:
            exchange.send(wire.overloaded().data)
        if answer.drop_at == tokens:
            exchange.abort()
            return True
        if tokens in (answer.fail_at, answer.cut_at):
            exchange.close_stream()
            return True
        return False


def _count(record: dict[str, Any]) -> None:
    now = time.monotonic()
    record["first_token"] = record["first_token"] or now
    record["last_token"] = now
    record["tokens"] += 1


def _refusal(exchange: Exchange, failure: plan.Failure, wire: Wire) -> tuple[dict[str, Any], int, dict[str, str]]:
    message = failure.message or f"The fake answers {failure.status} {_phrase(failure.status)}."
    if failure.leak:
        credential = exchange.headers.get("x-api-key") or exchange.headers.get("authorization", "")
        message = f"The credential {credential} is not known here."
    return wire.refusal(failure, message), failure.status, failure.headers


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Overloaded"
