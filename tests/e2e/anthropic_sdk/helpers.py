"""What tests do again and again with the official client."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx2
from anthropic import Anthropic, APIError

from tests.support.api import message, wait_for
from tests.support.patience import PATIENCE

TURN_HEAD = ["session.status_running", "session.thread_status_running"]
TURN_TAIL = ["session.thread_status_idle", "session.usage", "session.status_idle"]
CALL = ["span.model_request_start", "agent.message", "span.model_request_end"]
SIMPLE_TURN = [*TURN_HEAD, "user.message", *CALL, *TURN_TAIL]


def official(url: str, key: str, **options: Any) -> Anthropic:
    """The official client, strict about types; it does not repeat unless told so."""
    settings = {"max_retries": 0, "timeout": 30.0} | options
    return Anthropic(base_url=url, api_key=key, _strict_response_validation=True, **settings)


def earlier_dialect(request: httpx2.Request) -> None:
    """Rewrite a request to what the clients' earlier releases send."""
    bearer = request.headers.pop("authorization")
    request.headers["x-api-key"] = bearer.removeprefix("Bearer ")
    request.headers["anthropic-version"] = "2023-06-01"
    if "/files" in request.url.path:
        request.headers["anthropic-beta"] = "files-api-2025-04-14"
    if "anthropic-beta" in request.headers:
        request.url = request.url.copy_add_param("beta", "true")


def make_agent(client: Anthropic, **fields: Any) -> Any:
    """A new agent on the scripted model."""
    return client.beta.agents.create(**({"name": "Tester", "model": "claude-test"} | fields))


def make_environment(client: Anthropic, **fields: Any) -> Any:
    """A new environment under a name of its own."""
    return client.beta.environments.create(**({"name": f"Place {time.monotonic_ns()}"} | fields))


def make_session(client: Anthropic, agent: Any = None, **fields: Any) -> Any:
    """A new session."""
    chosen = agent if agent is not None else make_agent(client)
    environment = fields.pop("environment_id", None) or make_environment(client).id
    return client.beta.sessions.create(agent=getattr(chosen, "id", chosen), environment_id=environment, **fields)


def send(client: Anthropic, session_id: str, *events: Any, **options: Any) -> list[Any]:
    """Send events; what was accepted."""
    return client.beta.sessions.events.send(session_id, events=list(events), **options).data


def say(client: Anthropic, session_id: str, text: str) -> Any:
    """Send one message; the accepted event."""
    return send(client, session_id, message(text))[0]


def rest(client: Anthropic, session_id: str, seconds: float = PATIENCE) -> Any:
    """Wait until the session rests; the session."""

    def resting() -> Any:
        session = client.beta.sessions.retrieve(session_id)
        return session if session.status in ("idle", "terminated") else None

    return wait_for(resting, f"{session_id} to rest", within=seconds)


def listed(client: Anthropic, session_id: str, **query: Any) -> list[Any]:
    """All events, over all pages."""
    return list(client.beta.sessions.events.list(session_id, **query))


def turn(client: Anthropic, session_id: str, text: str) -> list[Any]:
    """Say something, wait for the end of the turn, and give all events of the session."""
    say(client, session_id, text)
    rest(client, session_id)
    return listed(client, session_id)


def types(events: Iterable[Any]) -> list[str]:
    """The types, in order."""
    return [event.type for event in events]


def of(events: Iterable[Any], kind: str) -> list[Any]:
    """The events of one type."""
    return [event for event in events if event.type == kind]


def said(event: Any) -> str:
    """The text of an event's content."""
    return "".join(block.text for block in event.content)


def custom_tool(name: str = "lookup", **more: Any) -> dict[str, Any]:
    """A tool the client runs."""
    schema = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
    return {"type": "custom", "name": name, "description": "Looks things up.", "input_schema": schema} | more


def http_tool(url: str, name: str = "remote") -> dict[str, Any]:
    """A tool the server runs by calling an address."""
    return custom_tool(name, execution={"type": "http", "endpoint": url})


def asking_toolset() -> dict[str, Any]:
    """The built-in set with nothing but ``web_fetch``, each use of which needs a yes."""
    return {
        "type": "agent_toolset_20260401",
        "default_config": {"enabled": False},
        "configs": [{"name": "web_fetch", "enabled": True, "permission_policy": {"type": "always_ask"}}],
    }


def confirm(use: Any, result: str = "allow", **more: Any) -> dict[str, Any]:
    """The answer to a call that asks."""
    return {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": result} | more


def custom_result(use: Any, text: str) -> dict[str, Any]:
    """The answer to a call of a client's tool."""
    content = [{"type": "text", "text": text}]
    return {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": content}


def is_idle(event: Any) -> bool:
    """Whether the event ends a turn."""
    return bool(event.type == "session.status_idle")


def until(stream: Any, last: Callable[[Any], bool] = is_idle, seconds: float = PATIENCE) -> Iterator[Any]:
    """The events of a stream up to one; the connection is cut when it does not come in time."""
    guard = threading.Timer(seconds, cut, (stream,))
    guard.start()
    try:
        for event in stream:
            yield event
            if last(event):
                return
        raise AssertionError("the stream ended before the event that was waited for")
    finally:
        guard.cancel()


def cut(stream: Any) -> None:
    """Break the connection under a stream."""
    wire = stream.response.extensions["network_stream"].get_extra_info("socket")
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


class Watch:
    """A stream of the official client, read in the background until it is closed or ends."""

    def __init__(self, client: Anthropic, session_id: str, **options: Any) -> None:
        self.events: list[Any] = []
        self.error: Exception | None = None
        self.ended = threading.Event()
        self.stream = client.beta.sessions.events.stream(session_id, **options)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for event in self.stream:
                self.events.append(event)
        except (APIError, httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            self.error = error
        finally:
            self.ended.set()

    def types(self) -> list[str]:
        """The types so far."""
        return types(list(self.events))

    def wait(self, kind: str, count: int = 1, seconds: float = PATIENCE) -> list[Any]:
        """Until so many events of a type came; all so far."""
        wait_for(lambda: self.types().count(kind) >= count, f"{count} x {kind} (have {self.types()})", within=seconds)
        return list(self.events)

    def wait_idle(self, count: int = 1) -> list[Any]:
        """Until the session came to rest so many times; all events so far."""
        return self.wait("session.status_idle", count)

    def close(self) -> None:
        """Leave the stream as a client does whose connection is cut."""
        if not self.ended.is_set():
            cut(self.stream)
        self._thread.join(5)
        assert self.ended.is_set(), "the reader of a stream did not end"
