"""The chain of a model: which one is asked, and when it is left to the next."""

from typing import TYPE_CHECKING

from chalicelib.models.errors import ModelError

if TYPE_CHECKING:
    from chalicelib.modelcards.serving import RunModels


def may_fall(error: ModelError, *, spoke: bool) -> bool:
    """Whether a failed call may be left to another model: the provider could not be had, and nothing of an answer came
    (``spoke``)."""
    return error.retryable and not spoke


class Chain:
    """A model and those to turn to after it, in their order; ``using`` is the one that is asked now."""

    def __init__(self, models: "RunModels", model: str) -> None:
        self._models = models
        self._ids = models.chain(model)
        self._place = 0

    @property
    def using(self) -> str:
        """The model's id, as agents and cards name it."""
        return self._ids[self._place]

    def fall(self) -> str | None:
        """Turn to the next model that somebody serves; None when there is no more."""
        for place in range(self._place + 1, len(self._ids)):
            if self._models.served(self._ids[place]):
                self._place = place
                return self.using
        return None
