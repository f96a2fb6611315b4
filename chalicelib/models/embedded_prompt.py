"""A model request in the little that the embedded demo model can take in.

The model writes plain text and knows no tool calls. It is offered the few tools that share a word with the newest user
text, and its answer is then held to a JSON schema that leaves it the choice between ``{"tool": …, "input": …}`` and
``{"answer": …}``. Without such a tool, and once a tool's result is in view, it just writes: a model of this size calls
whatever it is shown, and would call for ever. This is of demonstration quality.
"""

import re
from collections.abc import Iterator
from typing import Any

from chalicelib.models.errors import ModelControlUnsupported
from chalicelib.models.request import Block, Controls, ModelRequest, ToolSpec, blocks_of

MAX_OUTPUT_TOKENS = 512
_SYSTEM_CHARS = 1_500
_TOOL_CHARS = 120
_MAX_TOOLS = 3
_WORD = re.compile(r"[a-z]{3,}")
_COMMON = frozenset(
    _WORD.findall("the and for you are can with use uses using tool this that from its any has not all who what")
)
_MAX_DEPTH = 3
_STRING_CHARS = 200
_HOW_TO_REPLY = (
    'Reply in JSON. If a tool fits the request, reply {"tool": name, "input": {…}}. '
    'Only if none does, reply {"answer": text}.'
)
_ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "string", "maxLength": 1_500}},
    "required": ["answer"],
    "additionalProperties": False,
}


def body(request: ModelRequest, budget: int) -> dict[str, Any]:
    """The chat completions body for the runtime. ``budget`` is the most characters of conversation to send.

    Raises ModelControlUnsupported.
    """
    made: dict[str, Any] = {
        "messages": _messages(request, budget),
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": min(request.max_tokens, MAX_OUTPUT_TOKENS),
        "temperature": 0,
        **_controls(request.controls),
    }
    tools = offered(request)
    if tools:
        schema = {"anyOf": [*(_call_schema(tool) for tool in tools), _ANSWER]}
        made["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    return made


def _controls(wanted: Controls) -> dict[str, Any]:
    if wanted.tool_choice in ("any", "one"):
        raise ModelControlUnsupported("tool_choice", "The demo model cannot be made to call a tool.")
    if wanted.json_only or wanted.answer_schema is not None:
        raise ModelControlUnsupported("response_format", "The demo model cannot be held to a format.")
    given = {"temperature": wanted.temperature, "top_p": wanted.top_p, "seed": wanted.seed}
    return {name: value for name, value in given.items() if value is not None} | (
        {"stop": list(wanted.stop)} if wanted.stop else {}
    )


def offered(request: ModelRequest) -> list[ToolSpec]:
    """The tools the model is shown; if there are any, its answer is held to the schema."""
    if request.controls.tool_choice == "none":
        return []
    newest = blocks_of(request.messages[-1]["content"]) if request.messages else []
    if any(block["type"] == "tool_result" for block in newest):
        return []
    said = _words(" ".join(map(_text, newest)))
    scores = {tool.name: len(said & _words(f"{tool.name} {_headline(tool)}")) for tool in request.tools}
    fitting = [tool for tool in request.tools if scores[tool.name]]
    return sorted(fitting, key=lambda tool: -scores[tool.name])[:_MAX_TOOLS]


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower())) - _COMMON


def _headline(tool: ToolSpec) -> str:
    return tool.description.strip().split("\n", 1)[0][:_TOOL_CHARS]


def _messages(request: ModelRequest, budget: int) -> list[dict[str, str]]:
    """The system text and as many of the newest messages as fit; the newest alone is cut to fit."""
    system = _system(request)
    kept: list[dict[str, str]] = []
    left = budget
    for message in reversed(request.messages):
        text = "\n".join(filter(None, map(_text, blocks_of(message["content"]))))
        if kept and len(text) > left:
            break
        kept.insert(0, {"role": message["role"], "content": text[-left:]})
        left -= len(text)
    return [*([{"role": "system", "content": system}] if system else []), *kept]


def _system(request: ModelRequest) -> str:
    parts = [(request.system or "")[:_SYSTEM_CHARS]]
    tools = offered(request)
    if tools:
        parts.append("You have these tools:")
        parts += [_described(tool) for tool in tools]
        parts.append(_HOW_TO_REPLY)
    return "\n".join(filter(None, parts))


def _described(tool: ToolSpec) -> str:
    names = ", ".join(tool.input_schema.get("properties") or {})
    return f"- {tool.name}({names}): {_headline(tool)}"


def _text(block: Block) -> str:
    kind = block["type"]
    if kind == "text":
        return str(block["text"])
    if kind == "tool_use":
        return f"I used the tool {block['name']}."
    if kind == "tool_result":
        return "The tool answered: " + "\n".join(map(_text, blocks_of(block.get("content") or "")))
    return "" if kind in ("thinking", "redacted_thinking") else f"[{kind}]"


def _call_schema(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"tool": {"const": tool.name}, "input": simple_schema(tool.input_schema)},
        "required": ["tool", "input"],
        "additionalProperties": False,
    }


def simple_schema(schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """What the runtime's grammars are sure to understand: types, required properties, items and enumerations."""
    if schema.get("enum"):
        return {"enum": schema["enum"]}
    kind = _type(schema)
    if kind == "object":
        return {"type": "object", "additionalProperties": False, **dict(_properties(schema, depth))}
    if kind == "array":
        items = schema.get("items")
        inner = (
            simple_schema(items, depth + 1) if isinstance(items, dict) and depth < _MAX_DEPTH else {"type": "string"}
        )
        return {"type": "array", "items": inner, "maxItems": 5}
    return {"type": kind, **({"maxLength": _STRING_CHARS} if kind == "string" else {})}


def _properties(schema: dict[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    known = schema.get("properties") or {}
    required = [name for name in schema.get("required") or [] if isinstance(known.get(name), dict)]
    if depth >= _MAX_DEPTH:
        required = []
    yield "properties", {name: simple_schema(known[name], depth + 1) for name in required}
    yield "required", required


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    return kind if kind in ("object", "array", "string", "integer", "number", "boolean") else "string"
