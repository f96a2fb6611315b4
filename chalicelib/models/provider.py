"""What every model provider offers."""

from collections.abc import AsyncGenerator
from typing import Protocol

from chalicelib.models.chunks import Chunk
from chalicelib.models.request import ModelRequest


class Provider(Protocol):
    """A source of model streams. Its coroutines belong to one event loop, that of the runner."""

    name: str

    def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        """The chunks of one answer; the last is ``Finished``. Raises ModelError.

        Closing the generator, or cancelling the task that reads it, closes the provider's connection at once.
        """
        ...

    async def warm_up(self) -> None:
        """Does what the first call would have to wait for, without calling the provider."""
        ...

    async def aclose(self) -> None:
        """Closes the connections that are kept."""
        ...
