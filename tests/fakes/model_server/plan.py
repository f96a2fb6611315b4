"""From a request's directives, or a scripted reply, to the one answer that both wires know how to send."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.model_server.request import Asked, echo

SIGNATURE = "c2lnbmVkIGJ5IHRoZSBmYWtl"
DEFAULT_TOKENS = 20


@dataclass(frozen=True, slots=True)
class Failure:
    status: int
    message: str = ""
    type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    leak: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """`fail_at`, `drop_at`, `cut_at` and `hang_at` are counts of tokens; `usage` overrides what is counted."""

    blocks: tuple[dict[str, Any], ...] = ()
    stop_reason: str | None = None
    raw_stop: str | None = None
    ttft: float = 0
    gap: float = 0
    cached: int = 0
    usage: dict[str, int] = field(default_factory=dict)
    fail_at: int | None = None
    drop_at: int | None = None
    cut_at: int | None = None
    hang_at: int | None = None
    failure: Failure | None = None
    raw: dict[str, str] | None = None


class Directives:
    """The `name`, `name:value` words of a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def has(self, name: str) -> bool:
        return re.search(rf"(?<![\w\"]){name}(?![\w\"])", self.text) is not None

    def word(self, name: str) -> str | None:
        found = re.search(rf"(?<!\w){name}:([\w.-]+)", self.text)
        return found[1] if found else None

    def number(self, name: str, default: int | None = None) -> int | None:
        found = re.search(rf"(?<!\w){name}:(\d+)", self.text)
        return int(found[1]) if found else default

    def json(self, name: str) -> Any:
        found = re.search(rf"(?<!\w){name}:(?=[\"{{])", self.text)
        return json.JSONDecoder().raw_decode(self.text, found.end())[0] if found else None


def from_directives(asked: Asked, attempts: Counter[str]) -> Answer:
    said = Directives(asked.text)
    failure = _failure(said, asked.text, attempts)
    if failure:
        return Answer(failure=failure, ttft=said.number("ttft", 0) or 0)
    blocks = tuple(_blocks(said, asked))
    return Answer(
        blocks=blocks,
        stop_reason="refusal" if said.has("refuse") else None,
        raw_stop=said.word("stop"),
        ttft=said.number("ttft", 0) or 0,
        gap=said.number("gap", 0) or 0,
        cached=said.number("cached", 0) or 0,
        fail_at=said.number("fail"),
        drop_at=said.number("drop"),
        cut_at=said.number("cut"),
        hang_at=said.number("hang", 0 if said.has("hang") else None),
    )


def from_script(reply: Any) -> Answer:
    if isinstance(reply, list):
        return Answer(blocks=tuple(reply))
    if "error" in reply:
        return Answer(failure=Failure(**reply["error"]), ttft=reply.get("ttft", 0))
    return Answer(
        raw=reply.get("raw"),
        blocks=tuple(reply.get("blocks", ())),
        stop_reason=reply.get("stop_reason"),
        ttft=reply.get("ttft", 0),
        gap=reply.get("gap", 0),
        usage=reply.get("usage", {}),
        fail_at=reply.get("fail"),
        drop_at=reply.get("drop"),
        cut_at=reply.get("cut"),
        hang_at=reply.get("hang"),
    )


def _failure(said: Directives, text: str, attempts: Counter[str]) -> Failure | None:
    found = re.search(r"(?<!\w)error:(\d+)(?:x(\d+))?", text)
    if not found:
        return None
    attempts[text] += 1
    if found[2] and attempts[text] > int(found[2]):
        return None
    retry = said.number("retry")
    headers = {} if retry is None else {"retry-after": str(retry)}
    return Failure(int(found[1]), headers=headers, leak=said.has("leak"))


def _blocks(said: Directives, asked: Asked) -> list[dict[str, Any]]:
    thought = said.json("think")
    blocks = [] if thought is None else [{"type": "thinking", "thinking": thought, "signature": SIGNATURE}]
    name = said.word("tool") or next(iter(asked.tools), None)
    if name and asked.rounds < _rounds(said):
        return [*blocks, *_calls(said, asked, name)]
    return [*blocks, {"type": "text", "text": _text(said, asked)}]


def _rounds(said: Directives) -> int:
    implied = said.word("tool") or said.number("parallel") or said.has("badjson")
    return said.number("tools", 1 if implied else 0) or 0


def _calls(said: Directives, asked: Asked, name: str) -> list[dict[str, Any]]:
    given = said.json("input")
    value = least(asked.tools.get(name, {})) if given is None else given
    calls = []
    for number in range(said.number("parallel", 1) or 1):
        call = {"type": "tool_use", "name": name, "input": value, "number": number}
        if said.has("badjson"):
            call["raw_input"] = '{"broken": '
        calls.append(call)
    return calls


def _text(said: Directives, asked: Asked) -> str:
    if said.has("echo"):
        return echo(asked)
    given = said.json("say")
    if given is not None:
        return str(given)
    count = said.number("tokens", DEFAULT_TOKENS) or 0
    return " ".join(["hi", *["word"] * (count - 1)]) if count else ""


def least(schema: dict[str, Any]) -> dict[str, Any]:
    """The smallest input the schema's required properties allow; commands do nothing."""
    made: dict[str, Any] = {}
    for key in schema.get("required") or []:
        rule = (schema.get("properties") or {}).get(key) or {}
        made[key] = "true" if key == "command" else _value(rule)
    return made


def _value(rule: dict[str, Any]) -> Any:
    if rule.get("enum"):
        return rule["enum"][0]
    if rule.get("type") == "object":
        return least(rule)
    return {"integer": 1, "number": 1, "boolean": False, "array": []}.get(rule.get("type", "string"), "x")


def words(text: str) -> list[str]:
    """One token a word, each with the blanks that follow it; joined they are the text again."""
    return re.findall(r"\s*\S+\s*$|\s*\S+\s", text) or ([text] if text else [])
