"""JSON documents inside rows: as text when small, compressed when not, in the bucket when a row cannot hold them."""

import zlib
from typing import Any

from chalicelib.core.ids import new_id
from chalicelib.core.jsonio import dump_bytes, loads
from chalicelib.storage.keys import Space
from chalicelib.storage.marshal import Row
from chalicelib.storage.objects import Objects

TEXT_BYTES = 8 << 10
ROW_BYTES = 300 << 10
"""A row may hold 400 KB in all; the rest is room for keys and scalars."""


class Documents:
    """Packs a document into the attributes ``doc``, ``docz`` or ``docref`` and unpacks it again."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def pack(self, space: Space, document: Any, *under: str) -> Row:
        """Attributes to merge into a row; ``under`` is the folder of the bucket for what a row cannot hold."""
        raw = dump_bytes(document)
        if len(raw) <= TEXT_BYTES:
            return {"doc": raw.decode()}
        packed = zlib.compress(raw, 1)
        if len(packed) <= ROW_BYTES:
            return {"docz": packed}
        key = space.object_key(*(under or ("documents",)), new_id())
        self._objects.put(key, packed)
        return {"docref": key}

    def unpack(self, row: Row) -> Any:
        """The document of a row."""
        if "doc" in row:
            return loads(row["doc"])
        packed = row["docz"] if "docz" in row else self._objects.get(row["docref"])
        return loads(zlib.decompress(packed))
