"""A plain HTTP client of the managed door, and readers of its event streams."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.patience import PATIENCE

SDK_HEADERS = {"anthropic-version": "2023-06-01"}
Json = dict[str, Any]


@dataclass
class Frame:
    """One server-sent event."""

    event: str
    data: Json
    id: str | None = None


@dataclass
class Api:
    """Speaks for one tenant; ``sdk`` adds the header that marks SDKs."""

    url: str
    key: str
    sdk: bool = False
    client: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"x-api-key": self.key} | (SDK_HEADERS if self.sdk else {})
        # Reading the certificate authorities takes longer than most requests, and none is asked over plain HTTP.
        self.client = httpx2.Client(base_url=self.url, headers=headers, timeout=60, verify=False)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        """Any request."""
        return self.client.request(method, path, json=body, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Json:
        """A request that must succeed; its JSON."""
        answer = self.call(method, path, body, **options)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        shown: Json = answer.json() if answer.content else {}
        return shown

    def post(self, path: str, **body: Any) -> Json:
        """A POST that must succeed."""
        return self.ok("POST", path, body)

    def get(self, path: str, **query: Any) -> Json:
        """A GET that must succeed."""
        return self.ok("GET", path, params=query)

    def agent(self, **fields: Any) -> Json:
        """A new agent on the scripted model."""
        return self.post("/v1/agents", **({"name": "Test agent", "model": "claude-test", "tools": []} | fields))

    def environment(self, **fields: Any) -> Json:
        """A new environment."""
        return self.post("/v1/environments", **({"name": f"Test {time.monotonic_ns()}"} | fields))

    def session(self, agent: Json | None = None, **fields: Any) -> str:
        """A new session; its id."""
        chosen = agent or self.agent()
        environment = fields.pop("environment_id", None) or self.environment()["id"]
        made = self.post("/v1/sessions", agent=chosen["id"], environment_id=environment, **fields)
        return str(made["id"])

    def send(self, session: str, *events: Json, **options: Any) -> httpx2.Response:
        """Send events."""
        return self.call("POST", f"/v1/sessions/{session}/events", {"events": list(events)}, **options)

    def say(self, session: str, text: str) -> httpx2.Response:
        """Send one message."""
        return self.send(session, message(text))

    def events(self, session: str, **query: Any) -> list[Json]:
        """All events a client of this kind sees."""
        found: list[Json] = []
        page: str | None = None
        while True:
            answer = self.get(f"/v1/sessions/{session}/events", **query, **({"page": page} if page else {}))
            found += answer["data"]
            page = answer["next_page"]
            if page is None:
                return found

    def log(self, session: str) -> list[Json]:
        """The whole log."""
        answer = self.call("GET", f"/v1/sessions/{session}/log")
        assert answer.status_code == 200, answer.text
        rows: list[Json] = answer.json()
        return rows

    def status(self, session: str) -> str:
        """The session's status."""
        return str(self.get(f"/v1/sessions/{session}")["status"])

    def wait_idle(self, session: str, seconds: float = PATIENCE) -> Json:
        """Until the session rests; the session."""
        return wait_for(lambda: _resting(self.get(f"/v1/sessions/{session}")), f"{session} to rest", within=seconds)

    def turn(self, session: str, text: str, seconds: float = PATIENCE) -> list[Json]:
        """Send a message, wait until the session rests, and give the log."""
        answer = self.say(session, text)
        assert answer.status_code in (200, 202), answer.text
        self.wait_idle(session, seconds)
        return self.log(session)

    def one_shot(self, session: str, text: str) -> list[Frame]:
        """Send a message and read its turn to the end."""
        path = f"/v1/sessions/{session}/messages"
        with self.client.stream("POST", path, json={"content": text}) as answer:
            assert answer.status_code == 200, answer.read()
            return list(frames(answer.iter_lines()))

    def stream(self, path: str, **options: Any) -> "Stream":
        """Open a stream; it is read in the background."""
        return Stream(self, path, options)


class Stream:
    """An open event stream whose frames collect while it is open."""

    def __init__(self, api: Api, path: str, options: dict[str, Any]) -> None:
        self.frames: list[Frame] = []
        self.lines: list[str] = []
        self.ended = threading.Event()
        self._context = api.client.stream("GET", path, **options)
        self.response = self._context.__enter__()
        assert self.response.status_code == 200, self.response.read()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for frame in frames(self._kept(self.response.iter_lines())):
                self.frames.append(frame)
        except httpx2.HTTPError:
            return
        finally:
            self.ended.set()

    def _kept(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self.lines.append(line)
            yield line

    def types(self) -> list[str]:
        """The types so far."""
        return [frame.data["type"] for frame in list(self.frames)]

    def wait(self, kind: str, count: int = 1, seconds: float = PATIENCE) -> list[Frame]:
        """Until so many frames of a type have come; all frames so far."""
        wait_for(lambda: self.types().count(kind) >= count, f"{count} x {kind} (have {self.types()})", within=seconds)
        return list(self.frames)

    def close(self) -> None:
        """Leave the stream, as a client whose connection is cut."""
        if not self.ended.is_set():
            network = self.response.extensions["network_stream"]
            with contextlib.suppress(OSError):
                network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._context.__exit__(None, None, None)


def frames(lines: Iterator[str]) -> Iterator[Frame]:
    """The events in the lines of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            if name in ("event", "id", "data"):
                fields[name] = value
        elif "data" in fields:
            yield Frame(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id"))
            fields = {}
        else:
            fields = {}


def message(text: str, **fields: Any) -> Json:
    """A user's message."""
    return {"type": "user.message", "content": [{"type": "text", "text": text}], **fields}


def types_of(events: list[Json]) -> list[str]:
    """The types, in order."""
    return [event["type"] for event in events]


def text_of(events: list[Json]) -> list[str]:
    """What the agent said, message by message."""
    return [
        "".join(block["text"] for block in event["content"]) for event in events if event["type"] == "agent.message"
    ]


def wait_for(true: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
    """Poll until something holds; what it gave. ``within`` is named only where it is the rule under test."""
    deadline = time.monotonic() + within
    while True:
        found = true()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within} s in vain for {what}")
        time.sleep(0.02)


def _resting(session: Json) -> Json | None:
    return session if session["status"] in ("idle", "terminated") else None


def assert_whole(log: list[Json]) -> None:
    """What holds of every log: numbers grow, ids are unique, uses have results, spans and turns are closed."""
    numbers = [event["seq"] for event in log]
    assert numbers == sorted(set(numbers)), "numbers repeat or fall"
    ids = [event["id"] for event in log]
    assert len(ids) == len(set(ids)), "an id stands twice"
    stamps = [event["ts"] for event in log]
    assert stamps == sorted(stamps), "time falls"
    starts = [event["id"] for event in log if event["type"] == "span.model_request_start"]
    ends = [event["model_request_start_id"] for event in log if event["type"] == "span.model_request_end"]
    assert sorted(starts) == sorted(ends), "a model call is not closed exactly once"
