"""What tests do again and again with the official client."""

from typing import Any

from openai import OpenAI

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def official(base: str, key: str, **options: Any) -> OpenAI:
    """The official client, strict about types; it does not repeat unless told so."""
    settings = {"max_retries": 0, "timeout": 30.0} | options
    return OpenAI(base_url=base, api_key=key, _strict_response_validation=True, **settings)


def user(text: str) -> Any:
    """A user's message."""
    return {"role": "user", "content": text}


def joined(chunks: list[Any]) -> str:
    """The text of a stream."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def calls_of(chunks: list[Any]) -> dict[int, list[str]]:
    """The calls of a stream by their number: id, name, arguments."""
    found: dict[int, list[str]] = {}
    for chunk in chunks:
        for piece in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            if piece.id:
                assert piece.type == "function"
                found[piece.index] = [piece.id, piece.function.name, ""]
            found[piece.index][2] += piece.function.arguments or ""
    return found


def reasons(chunks: list[Any]) -> list[str]:
    """Why choices ended."""
    return [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
