"""Rubrics that stand in a file: an outcome keeps their text, so that the file may change or go."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chalicelib.core.errors import InvalidRequest, LambentError
from chalicelib.core.ids import undress
from chalicelib.files.service import FileService
from chalicelib.sessions.inputs import Input
from chalicelib.storage.keys import Space

_MOST_BYTES = 1 << 20
_MOST_CHARACTERS = 262_144


def resolved(files: FileService, space: Space, items: Sequence[Input], field: str = "events") -> list[Input]:
    """The inputs with file rubrics replaced by their texts. Raises InvalidRequest naming the one that cannot be."""
    return [_resolved(files, space, item, f"{field}.{position}") for position, item in enumerate(items)]


def _resolved(files: FileService, space: Space, item: Input, place: str) -> Input:
    rubric = item.data.get("rubric")
    if item.type != "user.define_outcome" or not rubric or rubric["type"] != "file":
        return item
    text: dict[str, Any] = {
        "type": "text",
        "content": _read(files, space, rubric["file_id"], f"{place}.rubric.file_id"),
    }
    return replace(item, data=item.data | {"rubric": text})


def _read(files: FileService, space: Space, name: str, place: str) -> str:
    file_id = undress("file", name)
    try:
        if file_id is None or files.get(space, file_id).size > _MOST_BYTES:
            raise InvalidRequest(f"{place}: there is no such file, or it is too large for a rubric", field=place)
        text = files.read(space, file_id)[1].decode()
    except (LambentError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{place}: there is no text file {name} of a rubric's size", field=place) from error
    if not text.strip() or len(text) > _MOST_CHARACTERS:
        raise InvalidRequest(f"{place}: a rubric has 1 to {_MOST_CHARACTERS} characters", field=place)
    return text
