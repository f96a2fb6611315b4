"""Turns a model's stream into records, and into fragments for those who watch."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.core.ids import new_id
from chalicelib.engine.job import Spoken
from chalicelib.events import live
from chalicelib.events.event import Draft
from chalicelib.events.live import Fragment
from chalicelib.models.chunks import (
    BlockDone,
    Chunk,
    Finished,
    TextDelta,
    TextStart,
    ThinkingDelta,
    ThinkingStart,
    ToolInputDelta,
    ToolInputStart,
)


@dataclass(slots=True)
class _Block:
    event_id: str
    kind: str
    text: list[str] = field(default_factory=list)
    whole: dict[str, Any] | None = None
    announced: bool = False


class Speech:
    """Feed it chunks; read ``fragments`` as they come and the blocks when all is said."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self.fragments: list[Fragment] = []
        self.finished: Finished | None = None

    @property
    def begun(self) -> bool:
        """Whether anything of an answer came."""
        return bool(self._blocks)

    def take(self, chunk: Chunk) -> None:
        """Take in the next chunk."""
        if isinstance(chunk, Finished):
            self.finished = chunk
        elif isinstance(chunk, TextStart):
            self._block(chunk.index, live.MESSAGE)
        elif isinstance(chunk, ThinkingStart):
            self._announce(self._block(chunk.index, live.THINKING))
        elif isinstance(chunk, ToolInputStart):
            self._announce(self._block(chunk.index, live.TOOL_INPUT), chunk.name)
        elif isinstance(chunk, TextDelta):
            self._delta(self._block(chunk.index, live.MESSAGE), chunk.text)
        elif isinstance(chunk, ThinkingDelta):
            self._delta(self._block(chunk.index, live.THINKING), chunk.text)
        elif isinstance(chunk, ToolInputDelta):
            self._delta(self._block(chunk.index, live.TOOL_INPUT), chunk.partial_json)
        else:
            self._done(chunk)

    def _block(self, index: int, kind: str) -> _Block:
        return self._blocks.setdefault(index, _Block(new_id(), kind))

    def _announce(self, block: _Block, name: str = "") -> None:
        block.announced = True
        self.fragments.append(Fragment(block.kind, "start", block.event_id, name))

    def _delta(self, block: _Block, text: str) -> None:
        if not text:
            return
        if not block.announced:
            self._announce(block)
        block.text.append(text)
        self.fragments.append(Fragment(block.kind, "delta", block.event_id, text))

    def _done(self, chunk: BlockDone) -> None:
        kinds = {"text": live.MESSAGE, "tool_use": live.TOOL_INPUT}
        block = self._block(chunk.index, kinds.get(chunk.block["type"], live.THINKING))
        block.whole = chunk.block
        if block.announced:
            self.fragments.append(Fragment(block.kind, "end", block.event_id, "completed"))

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """The tool uses asked for: event id and block."""
        return [
            (block.event_id, block.whole)
            for _, block in sorted(self._blocks.items())
            if block.whole is not None and block.kind == live.TOOL_INPUT
        ]

    def texts(self) -> list[str]:
        """The texts said so far."""
        return ["".join(block.text) for _, block in sorted(self._blocks.items()) if block.kind == live.MESSAGE]

    def said(self, run: str, spoken: Spoken, *, partial: bool = False) -> list[tuple[int, Draft]]:
        """The records of text and thinking with their places; ``partial`` keeps text that is not finished."""
        found = []
        for index, block in sorted(self._blocks.items()):
            draft = _record(block, run, partial)
            if draft is not None:
                spoken.text_length += sum(len(part["text"]) for part in draft.data.get("content", ()))
                found.append((index, draft))
        return found

    def places(self) -> dict[str, int]:
        """Where each event stands in the answer."""
        return {block.event_id: index for index, block in self._blocks.items()}

    def cut(self) -> list[Fragment]:
        """The ends of fragments that will not be finished."""
        return [
            Fragment(block.kind, "end", block.event_id, "aborted")
            for block in self._blocks.values()
            if block.announced and block.whole is None
        ]


def _record(block: _Block, run: str, partial: bool) -> Draft | None:
    if block.kind == live.MESSAGE:
        text = block.whole["text"] if block.whole else "".join(block.text)
        if not text or (block.whole is None and not partial):
            return None
        content = [{"type": "text", "text": text}]
        return Draft("agent.message", {"content": content}, id=block.event_id, run=run)
    if block.kind == live.THINKING and block.whole is not None:
        private = {"blocks": [block.whole], "text": "".join(block.text)}
        return Draft("agent.thinking", {}, id=block.event_id, run=run, private=private)
    return None
