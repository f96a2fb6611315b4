"""The base of all forms that data are checked against: bodies, answers, documents."""

from typing import Generic, TypeVar

from pydantic import BaseModel, RootModel

T = TypeVar("T")


class Schema(BaseModel, defer_build=True):
    """A form. What checks it is made when it is first used: a process meets few of the hundreds there are."""


class RootSchema(RootModel[T], Generic[T], defer_build=True):
    """A form of what is one value, not an object of named ones."""
