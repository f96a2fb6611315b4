"""The tools of a dream's agent: they read memories and transcripts, and write memories."""

from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import LambentError
from chalicelib.tools import arguments as given
from chalicelib.tools.base import ToolContext, ToolOutput, failure, text_output

if TYPE_CHECKING:
    from chalicelib.dreams.desk import OpenDream

_PATH = {"type": "string", "description": "The path of the memory."}
_WRITTEN = {"type": "boolean", "description": "Look into the output instead of the memory store to be read."}


def _schema(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


DEFINITIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("list_memories", "The paths and sizes of all memories.", _schema({"written": _WRITTEN})),
    ("read_memory", "What a memory holds.", _schema({"path": _PATH, "written": _WRITTEN}, "path")),
    (
        "read_session",
        "The next part of a session's transcript; go on with the number it ends with until it says that it is the end.",
        _schema({"session_id": {"type": "string"}, "after": {"type": "integer", "minimum": 0}}, "session_id"),
    ),
    (
        "write_memory",
        "Puts a text at a path of the output, in place of what is there.",
        _schema({"path": _PATH, "content": {"type": "string"}}, "path", "content"),
    ),
    (
        "keep_memory",
        "Takes a memory over into the output as it is, at another path if one is given.",
        _schema({"path": _PATH, "new_path": {"type": "string"}}, "path"),
    ),
    ("delete_memory", "Removes a memory from the output.", _schema({"path": _PATH}, "path")),
)


_SERVER_FAULT = 500


class DreamTool:
    """One of them, for the dream that the agent's snapshot names."""

    safe_to_repeat = True

    def __init__(self, definition: dict[str, Any]) -> None:
        self.name: str = definition["name"]
        self.description: str = definition["description"]
        self.input_schema: dict[str, Any] = definition["input_schema"]
        self._dream: str = definition["execution"]["dream_id"]

    def run(self, context: ToolContext, arguments: dict[str, Any]) -> ToolOutput:
        """What was found or done, or an error result."""
        if context.desk is None:
            return failure("dreams cannot be dreamt here.")
        try:
            dream = context.desk.open(context.tenant, context.session_id, self._dream)
            return text_output(_ACTS[self.name](dream, arguments))
        except given.Unusable as error:
            return failure(str(error))
        except LambentError as error:
            if error.status >= _SERVER_FAULT:
                raise
            return failure(f"{error.message.rstrip('.')}.")


def _list(dream: "OpenDream", arguments: dict[str, Any]) -> str:
    found = dream.memories(written=arguments.get("written") is True)
    return "\n".join(f"{one.path} ({one.size} bytes)" for one in found) or "There are no memories."


def _read(dream: "OpenDream", arguments: dict[str, Any]) -> str:
    return dream.memory(given.text(arguments, "path"), written=arguments.get("written") is True)


def _session(dream: "OpenDream", arguments: dict[str, Any]) -> str:
    text, last = dream.transcript(given.text(arguments, "session_id"), given.number(arguments, "after") or 0)
    return f"{text}\n\n[go on after {last}]" if last is not None else "[the end]"


def _write(dream: "OpenDream", arguments: dict[str, Any]) -> str:
    made = dream.write(given.text(arguments, "path"), given.text(arguments, "content", empty=True))
    return f"Wrote {made.size} bytes to {made.path}."


def _keep(dream: "OpenDream", arguments: dict[str, Any]) -> str:
    path = given.text(arguments, "path")
    made = dream.keep(path, given.optional_text(arguments, "new_path") or path)
    return f"Kept {made.path}."


def _delete(dream: "OpenDream", arguments: dict[str, Any]) -> str:
    path = given.text(arguments, "path")
    dream.delete(path)
    return f"Removed {path}."


_ACTS = {
    "list_memories": _list,
    "read_memory": _read,
    "read_session": _session,
    "write_memory": _write,
    "keep_memory": _keep,
    "delete_memory": _delete,
}
