"""When a model is left to the next one of its chain."""

from typing import Any

import pytest

from chalicelib.modelcards.falling import Chain, may_fall
from chalicelib.models import errors


class Models:
    """A tenant's models, some of which nobody serves."""

    def __init__(self, *ids: str, unserved: tuple[str, ...] = ()) -> None:
        self._ids, self._unserved = ids, unserved

    def chain(self, _model: str) -> tuple[str, ...]:
        return self._ids

    def served(self, model: str) -> bool:
        return model not in self._unserved


def chain(*ids: str, **more: Any) -> Chain:
    models: Any = Models(*ids, **more)
    return Chain(models, ids[0])


def test_it_goes_down_once_past_those_that_nobody_serves() -> None:
    down = chain("a", "b", "c", "d", unserved=("b", "d"))
    assert down.using == "a"
    assert (down.fall(), down.using) == ("c", "c")
    assert (down.fall(), down.using) == (None, "c")


def test_a_model_alone_has_nobody_to_turn_to() -> None:
    assert chain("a").fall() is None


@pytest.mark.parametrize(
    "error",
    [
        errors.ModelOverloaded,
        errors.ModelRateLimited,
        errors.ModelServerFailed,
        errors.ModelUnreachable,
        errors.ModelTimedOut,
        errors.ModelStreamBroken,
    ],
)
def test_what_may_pass_is_left_to_another_unless_the_answer_had_begun(error: type[errors.ModelError]) -> None:
    assert may_fall(error("x"), spoke=False)
    assert not may_fall(error("x"), spoke=True)


@pytest.mark.parametrize(
    "error",
    [
        errors.ModelRequestRefused,
        errors.ModelContextExceeded,
        errors.ModelNotServed,
        errors.ModelContentUnsupported,
        errors.ModelBillingRefused,
    ],
)
def test_what_would_be_refused_again_is_not(error: type[errors.ModelError]) -> None:
    assert not may_fall(error("x"), spoke=False)
