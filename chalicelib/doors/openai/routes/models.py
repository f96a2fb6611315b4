"""The models that can be asked for."""

from typing import Any

from chalicelib.core.errors import NotFound
from chalicelib.doors.openai.common import space_of
from chalicelib.doors.openai.schemas import models as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.models.catalog import ModelInfo


def _offered(call: Call) -> list[ModelInfo]:
    """The models of the tenant's cards, then those of the server under other ids."""
    cards = call.services.model_cards.offered(space_of(call))
    known = {model.id for model in cards}
    return cards + [model for model in call.services.models.models() if model.id not in known]


def list_(call: Call) -> Answer:
    """All of them."""
    return Answer({"object": "list", "data": [_shown(model) for model in _offered(call)]})


def retrieve(call: Call) -> Answer:
    """One of them."""
    wanted = call.path["model_id"]
    for model in _offered(call):
        if model.id == wanted:
            return Answer(_shown(model))
    raise NotFound(f"there is no model {wanted!r}", field="model", code="model_not_found")


def _shown(model: ModelInfo) -> dict[str, Any]:
    return {"id": model.id, "object": "model", "created": (model.created_ms or 0) // 1000, "owned_by": model.provider}


_ALL = "/openai/v1/models"
_TAGS = ("openai models",)
ROUTES: tuple[Route, ...] = (
    Route(("GET",), _ALL, list_, "List models", answers={200: schemas.ModelList}, tags=_TAGS),
    Route(
        ("GET",),
        f"{_ALL}/{{model_id:path}}",
        retrieve,
        "Retrieve a model",
        answers={200: schemas.Model},
        errors=(404,),
        tags=_TAGS,
    ),
)
