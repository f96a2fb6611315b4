"""Files in records: found, and given other names."""

from typing import Any

from chalicelib.bundles.naming import named_files, renamed
from chalicelib.core.ids import dress, new_id
from chalicelib.events.event import Event

OLD, NEW, OTHER = new_id(), new_id(), new_id()


def shown(file_id: str) -> dict[str, Any]:
    """A block that shows a file."""
    return {"type": "image", "source": {"type": "file", "file_id": dress("file", file_id)}}


def event(data: dict[str, Any], private: dict[str, Any] | None = None) -> Event:
    """A record."""
    return Event(1, 1, "user.message", data, new_id(), private=private)


def test_files_are_found_wherever_blocks_stand() -> None:
    record = event({"content": [shown(OLD), {"type": "text", "text": "x"}]}, {"data": {"content": [shown(OTHER)]}})
    assert set(named_files(record)) == {OLD, OTHER}


def test_they_get_other_names_and_nothing_else_changes() -> None:
    record = event({"content": [shown(OLD), shown(OTHER)]}, {"data": {"content": [shown(OLD)]}})
    made = renamed(record, {OLD: NEW})
    assert made.data == {"content": [shown(NEW), shown(OTHER)]}
    assert made.private == {"data": {"content": [shown(NEW)]}}
    assert record.data["content"][0] == shown(OLD)


def test_what_only_looks_like_a_file_stays() -> None:
    said = event({"input": {"source": {"type": "file", "file_id": dress("file", OLD)}}, "type": "x"})
    assert list(named_files(said)) == []
    assert renamed(said, {OLD: NEW}) is said
