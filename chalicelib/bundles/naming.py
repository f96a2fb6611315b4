"""Files that records name, and the same records with other names."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.core.ids import dress, undress
from chalicelib.events.event import Event


def named_files(event: Event) -> Iterator[str]:
    """The core ids of the files whose content the model is shown where the record stands."""
    for source in _sources([event.data, event.private]):
        core = undress("file", source["file_id"])
        if core is not None:
            yield core


def renamed(event: Event, names: Mapping[str, str]) -> Event:
    """The record with the ids of files replaced, by core id; those that have no other stay."""
    if not any(True for _ in _sources([event.data, event.private])):
        return event
    private = None if event.private is None else _renamed(event.private, names)
    return replace(event, data=_renamed(event.data, names), private=private)


def _sources(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            if (source := _source_of(one)) is not None:
                yield source
            else:
                waiting += one.values()


def _source_of(block: dict[str, Any]) -> dict[str, Any] | None:
    """The source of a block that shows a file."""
    source = block.get("source")
    if block.get("type") not in ("image", "document") or not isinstance(source, dict):
        return None
    return source if source.get("type") == "file" and isinstance(source.get("file_id"), str) else None


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    if (source := _source_of(value)) is not None:
        known = names.get(undress("file", source["file_id"]) or "")
        return value if known is None else value | {"source": source | {"file_id": dress("file", known)}}
    return {key: _renamed(one, names) for key, one in value.items()}
