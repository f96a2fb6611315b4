"""What turns texts into vectors."""

from collections.abc import Sequence
from typing import Literal, Protocol

Kind = Literal["query", "passage"]
Vector = Sequence[float]


class EmbeddingFailed(Exception):
    """The vectors could not be computed now; a later try may succeed."""


class Embedder(Protocol):
    """One model. Safe to use from many threads; every text gets a vector of the same length."""

    @property
    def model(self) -> str:
        """The model's name; vectors of different models cannot be compared."""
        ...

    def embed(self, texts: Sequence[str], kind: Kind) -> list[Vector]:
        """A vector for each text; questions and what may answer them are not treated alike. Raises EmbeddingFailed."""
        ...
