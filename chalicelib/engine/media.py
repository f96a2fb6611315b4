"""Pictures and documents of a conversation, within what providers take in one request."""

from collections.abc import Iterator
from typing import Any

MOST_CHARACTERS = 21_000_000
"""Of base64 in all; the strictest providers take 32 MB, and the words and tools need their room."""

Block = dict[str, Any]


def lightened(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with a note in the place of the oldest pictures and documents, if there is too much of them.

    The newest is kept in any case. Nothing that is given is changed.
    """
    if sum(_weight(block) for message in messages for block in _flat(message["content"])) <= MOST_CHARACTERS:
        return messages
    scale = _Scale()
    return [scale.weighed(message) for message in reversed(messages)][::-1]


def _flat(blocks: list[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if _holds_blocks(block):
            yield from _flat(block["content"])


def _holds_blocks(block: Block) -> bool:
    return block["type"] == "tool_result" and isinstance(block.get("content"), list)


def _weight(block: Block) -> int:
    source = block.get("source")
    is_data = isinstance(source, dict) and source.get("type") == "base64"
    return len(source["data"]) if is_data and isinstance(source, dict) else 0


class _Scale:
    """Takes what comes, the newest first, until it is full."""

    def __init__(self) -> None:
        self._taken = 0

    def weighed(self, message: dict[str, Any]) -> dict[str, Any]:
        return message | {"content": self._blocks(message["content"])}

    def _blocks(self, blocks: list[Block]) -> list[Block]:
        return [self._block(block) for block in reversed(blocks)][::-1]

    def _block(self, block: Block) -> Block:
        if _holds_blocks(block):
            return block | {"content": self._blocks(block["content"])}
        weight = _weight(block)
        fits = not weight or not self._taken or self._taken + weight <= MOST_CHARACTERS
        self._taken += weight
        return block if fits else _note(block)


def _note(block: Block) -> Block:
    text = f"[Here was a {block['type']} that is left out by now. Look at it again if it is needed.]"
    return {"type": "text", "text": text}
