"""The steps that the documentation page begins with: its examples, sent one after the other, hold a conversation."""

import re
from typing import Any

from tests.support.api import Api
from tests.support.server import ROOT

SCRIPT = ROOT / "chalicelib" / "doors" / "common" / "page" / "docs.js"


def test_the_examples_of_the_first_steps_hold_a_conversation(api: Api) -> None:
    document = api.get("/openapi.json")
    agents, environments, sessions, messages = (shown(document, step) for step in steps())
    agent, environment = api.ok("POST", *agents), api.ok("POST", *environments)
    path, body = sessions
    assert set(body) == {"agent", "environment_id"}
    session = api.post(path, agent=agent["id"], environment_id=environment["id"])["id"]
    path, body = messages
    assert path == "/v1/sessions/{session_id}/messages"
    kinds = [frame.event for frame in api.one_shot(session, body["content"])]
    assert "agent.message" in kinds
    assert kinds[-1] == "session.status_idle"


def steps() -> list[str]:
    """The operations that the page links to, in their order."""
    (listed,) = re.findall(r"const steps = \[(.*?)\];", SCRIPT.read_text())
    return re.findall(r'\["(\w+)",', listed)


def shown(document: dict[str, Any], operation: str) -> tuple[str, dict[str, Any]]:
    """The path of an operation and the example of its body."""
    [(path, found)] = [
        (path, one)
        for path, item in document["paths"].items()
        for one in item.values()
        if one["operationId"] == operation
    ]
    name = found["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    return path, document["components"]["schemas"][name]["examples"][0]
