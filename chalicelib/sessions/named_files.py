"""Files that sent content names: they have to exist when the content is taken, and be what it takes them for."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.core.ids import undress
from chalicelib.files.service import FileService
from chalicelib.sessions.errors import BadInput, NamedFileNotFound
from chalicelib.sessions.inputs import Input
from chalicelib.storage.keys import Space

Block = dict[str, Any]


def check(files: FileService, space: Space, items: Sequence[Input], field: str = "events") -> None:
    """Looks at the files of all blocks.

    Raises NamedFileNotFound for one that is unknown to the tenant, BadInput for one that is shown as the picture it is
    not: a model would refuse it in every later turn of the session.
    """
    named = [(path, block, undress("file", block["source"]["file_id"])) for path, block in _named(items, field)]
    wanted = sorted({core for _, _, core in named if core is not None})
    found = {file.id: file for file in files.find_many(space, wanted)} if wanted else {}
    for path, block, core in named:
        if core not in found:
            raise NamedFileNotFound(f"{path}: there is no file {block['source']['file_id']}", field=path)
        media_type = found[core].media_type
        if block["type"] == "image" and not media_type.startswith("image/"):
            raise BadInput(f"{path}: the file is no picture but {media_type}", field=path)


def _named(items: Sequence[Input], field: str) -> Iterator[tuple[str, Block]]:
    for position, item in enumerate(items):
        for place, block in enumerate(item.data.get("content") or ()):
            source = block.get("source")
            if isinstance(source, dict) and source["type"] == "file":
                yield f"{field}.{position}.content.{place}.source.file_id", block
