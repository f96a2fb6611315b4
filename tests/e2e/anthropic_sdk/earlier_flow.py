"""Run by an early release of the client: ``python earlier_flow.py URL KEY``; prints what it saw as JSON."""

import json
import sys
from typing import Any

import anthropic

url, key = sys.argv[1:]
client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=20)
beta: Any = client.beta
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
TOOL = {"type": "custom", "name": "lookup", "description": "Looks up.", "input_schema": SCHEMA}


def text(words: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": words}]}


def agents() -> tuple[str, dict[str, Any]]:
    made = beta.agents.create(name="Early", model="claude-test", tools=[TOOL])
    changed = beta.agents.update(made.id, version=1, system="Be early.")
    for number in range(22):
        beta.agents.create(name=f"More {number}", model="claude-test")
    try:
        beta.agents.create(name="", model="claude-test")
    except anthropic.APIStatusError as error:
        refused = type(error).__name__
    return made.id, {"version": changed.version, "listed": len(list(beta.agents.list(limit=10))), "refused": refused}


def to_idle(session: str, event: dict[str, Any]) -> list[Any]:
    seen = []
    with beta.sessions.events.stream(session) as stream:
        beta.sessions.events.send(session, events=[event])
        for one in stream:
            seen.append(one)
            if one.type == "session.status_idle":
                return seen
    raise RuntimeError("the stream ended before the turn")


def tool(session: str) -> dict[str, Any]:
    seen = to_idle(session, text('tools:1 input:{"q":"x"} look it up'))
    use = next(one for one in seen if one.type == "agent.custom_tool_use")
    answer = {
        "type": "user.custom_tool_result",
        "custom_tool_use_id": use.id,
        "content": [{"type": "text", "text": "!"}],
    }
    end = to_idle(session, answer)
    return {"asked": use.name, "stop": seen[-1].stop_reason.type, "end": end[-1].stop_reason.type}


def file() -> dict[str, Any]:
    made = beta.files.upload(file=("a.txt", b"bytes"))
    content = beta.files.download(made.id).read().decode()
    return {"size": made.size_bytes, "bytes": content, "listed": len(list(beta.files.list()))}


def gone(agent: str, environment: str) -> str:
    other = beta.sessions.create(agent=agent, environment_id=environment)
    beta.sessions.archive(other.id)
    beta.sessions.delete(other.id)
    try:
        beta.sessions.retrieve(other.id)
    except anthropic.APIStatusError as error:
        return type(error).__name__
    return "nothing"


agent, about_agents = agents()
environment = beta.environments.create(name="Early place").id
session = beta.sessions.create(agent=agent, environment_id=environment).id
first = to_idle(session, text('say:"hello from then"'))
told = {
    "release": anthropic.__version__,
    "session": session,
    "agent": about_agents,
    "streamed": [one.type for one in first],
    "answer": "".join(block.text for one in first if one.type == "agent.message" for block in one.content),
    "tool": tool(session),
    "file": file(),
    "gone": gone(agent, environment),
    "ids": [one.id for one in beta.sessions.events.list(session)],
}
print(json.dumps(told))
