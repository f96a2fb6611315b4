"""Attributes made at their first use, once, whatever the number of threads."""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - used as a decorator, like property
    """As ``functools.cached_property``, under a lock of the owner (its attribute ``lock``)."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, owner: None, kind: type | None = None) -> "lazy[T]": ...
    @overload
    def __get__(self, owner: object, kind: type | None = None) -> T: ...
    def __get__(self, owner: Any, kind: type | None = None) -> "lazy[T] | T":
        if owner is None:
            return self
        lock: RLock = owner.lock
        with lock:
            made: dict[str, Any] = owner.__dict__
            if self._name not in made:
                made[self._name] = self._make(owner)
            found: T = made[self._name]
            return found
