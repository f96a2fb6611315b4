"""One real conversation over the public HTTP API, printed event by event as it arrives."""

import json
import time
from collections.abc import Iterator
from typing import Any

import click

QUESTION = "What is the capital of France? Answer in one short sentence."


def converse(url: str, api_key: str) -> None:
    """Create an agent, an environment and a session, send a question and print what comes back."""
    import httpx2

    headers = {"x-api-key": api_key}
    with httpx2.Client(base_url=url, headers=headers, timeout=120) as client:
        try:
            _talk(client)
        except httpx2.HTTPError as error:
            click.echo(f"The demo conversation failed: {error}", err=True)


def _talk(client: Any) -> None:
    model = _default_model(client)
    if model is None:
        click.echo(
            "No model is configured, so the demo conversation is left out: set ANTHROPIC_API_KEY or OPENAI_API_KEY."
        )
        return
    click.echo(f"A conversation through the API with the model {click.style(model, bold=True)}:")
    agent = _post(client, "/v1/agents", name="Demo", model="default", system="You are a helpful assistant.", tools=[])
    environment = _post(client, "/v1/environments", name="Demo")
    session = _post(client, "/v1/sessions", agent=agent["id"], environment_id=environment["id"], title="Demo")
    click.echo(f"  created {agent['id']}, {session['id']}")
    started = time.monotonic()
    path = f"/v1/sessions/{session['id']}/messages"
    with client.stream("POST", path, json={"content": QUESTION}) as stream:
        stream.raise_for_status()
        shown = _Transcript(started)
        for event in _events(stream.iter_lines()):
            shown.add(event)


def _default_model(client: Any) -> str | None:
    listed = client.get("/v1/models")
    listed.raise_for_status()
    found = listed.json()["data"]
    return found[0]["id"] if found else None


def _post(client: Any, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


class _Transcript:
    """A line for each stored event, with its time since the message was sent; the answer as it is said."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._speaking = False

    def add(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "agent.message_chunk":
            self._say(event["delta"])
        elif not kind.startswith("system.") and "_stream_" not in kind:
            was_said = self._end_of_speech() and kind == "agent.message"
            if not was_said:
                click.echo(f"{self._head(kind)} {_text_of(event)}".rstrip())

    def _end_of_speech(self) -> bool:
        """Whether the line that stood last was of pieces; it ends here."""
        spoke, self._speaking = self._speaking, False
        if spoke:
            click.echo()
        return spoke

    def _say(self, piece: str) -> None:
        if not self._speaking:
            click.echo(f"{self._head('agent.message')} ", nl=False)
        self._speaking = True
        click.echo(piece, nl=False)

    def _head(self, kind: str) -> str:
        return f"  {time.monotonic() - self._started:6.2f} s  {kind:<28}"


def _text_of(event: dict[str, Any]) -> str:
    if event["type"] == "session.error":
        return str(event["error"]["message"])
    if event["type"] == "session.status_idle":
        return str((event.get("stop_reason") or {}).get("type", ""))
    return "".join(block.get("text", "") for block in event.get("content") or ())
