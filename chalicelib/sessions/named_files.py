"""Files that sent content names: they have to exist when the content is taken."""

from collections.abc import Iterator, Sequence

from chalicelib.core.ids import undress
from chalicelib.files.service import FileService
from chalicelib.sessions.errors import NamedFileNotFound
from chalicelib.sessions.inputs import Input
from chalicelib.storage.keys import Space


def check(files: FileService, space: Space, items: Sequence[Input], field: str = "events") -> None:
    """Raises NamedFileNotFound naming the first block whose file is unknown to the tenant."""
    named = list(_named(items, field))
    if not named:
        return
    wanted = {core for _, text in named if (core := undress("file", text)) is not None}
    found = {file.id for file in files.find_many(space, sorted(wanted))}
    for path, text in named:
        if undress("file", text) not in found:
            raise NamedFileNotFound(f"{path}: there is no file {text}", field=path)


def _named(items: Sequence[Input], field: str) -> Iterator[tuple[str, str]]:
    for position, item in enumerate(items):
        for place, block in enumerate(item.data.get("content") or ()):
            source = block.get("source")
            if isinstance(source, dict) and source["type"] == "file":
                yield f"{field}.{position}.content.{place}.source.file_id", source["file_id"]
