"""Models as lists show them."""

from typing import Literal

from pydantic import BaseModel


class Model(BaseModel):
    """A model; when it was published is not known here."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"]
    data: list[Model]
