"""Whether anybody may be worked for at all: what services ask before they take new work."""

from collections.abc import Callable

from chalicelib.spending.limits import Spender
from chalicelib.storage.keys import Space

Gate = Callable[[Space, Callable[[], Spender]], None]
"""Raises SpenderBlocked. Who it is about is asked for only where that matters."""


def OPEN(_space: Space, _who: Callable[[], Spender]) -> None:  # noqa: N802 - stands for a constant
    """Lets everything through."""
