"""One message through a deployed Lambent, as a client sends it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import urllib3

ANSWER_SECONDS = 60

Json = dict[str, Any]


class CallFailedError(Exception):
    """The API answered with an error."""


class NoReplyError(Exception):
    """The session did not become idle with a reply in time."""


@dataclass(frozen=True)
class Api:
    """The managed API under `base`, used with `key`."""

    base: str
    key: str

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """The JSON answer to one request.

        Raises:
            CallFailedError: the status is not 2xx.
        """
        answer = urllib3.request(
            method,
            self.base + path,
            body=None if body is None else json.dumps(body),
            headers={"x-api-key": self.key, "content-type": "application/json"},
            timeout=60,
            retries=False,
        )
        if answer.status >= 300:
            raise CallFailedError(f"{method} {path}: {answer.status} {answer.data[:1000]!r}")
        return dict(json.loads(answer.data)) if answer.data else {}


def tenant(base: str, root_key: str) -> Api:
    """The API as a new tenant uses it."""
    made = Api(base, root_key).call("POST", "/admin/tenants", {"name": "rehearsal"})
    return Api(base, made["api_key"]["key"])


def session(api: Api, model: str, tools: list[Json] | None = None) -> str:
    """The id of a new session of a new agent in a new environment."""
    agent = api.call("POST", "/v1/agents", {"name": "rehearsal", "model": model, "tools": tools or []})
    environment = api.call("POST", "/v1/environments", {"name": "rehearsal"})
    made = api.call("POST", "/v1/sessions", {"agent": agent["id"], "environment_id": environment["id"]})
    return str(made["id"])


def say(api: Api, session_id: str, text: str) -> Json:
    message = {"type": "user.message", "content": [{"type": "text", "text": text}]}
    return api.call("POST", f"/v1/sessions/{session_id}/events", {"events": [message]})


def reply(api: Api, session_id: str, *, turns: int = 1) -> str:
    """What the agent said last, once `turns` turns have ended.

    Raises:
        NoReplyError: they did not, in time.
    """
    end = time.monotonic() + ANSWER_SECONDS
    log: list[Json] = []
    while time.monotonic() < end:
        log = api.call("GET", f"/v1/sessions/{session_id}/events")["data"]
        idle = [event for event in log if event["type"] == "session.status_idle"]
        said = [event for event in log if event["type"] == "agent.message"]
        if len(idle) >= turns and said:
            return "".join(block.get("text", "") for block in said[-1]["content"])
        time.sleep(0.05)
    raise NoReplyError(json.dumps(log)[-4000:])
