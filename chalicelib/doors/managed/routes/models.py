"""The models that can be asked for: a page for SDKs of this API, a list for OpenAI clients."""

from typing import Any

from chalicelib.core.errors import InvalidRequest, NotFound
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.render import models as render
from chalicelib.doors.managed.schemas import models as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.modelcards.draft import ModelsAsk
from chalicelib.models.catalog import ModelInfo
from chalicelib.storage.keys import Space

_LISTING = lists.Listing("models", plain=(1000, 1000), sdk=(20, 1000))


def _offered(call: Call) -> list[ModelInfo]:
    """The models of the tenant's cards, then those of the server under other ids."""
    cards = call.services.model_cards.offered(Space(call.principal.tenant))
    known = {model.id for model in cards}
    return cards + [model for model in call.services.models.models() if model.id not in known]


def list_(call: Call) -> Answer:
    """What can be offered without asking a provider."""
    query: schemas.ModelListQuery = call.query
    models = _offered(call)
    if not is_sdk(call.headers):
        return Answer({"object": "list", "data": [render.openai(model) for model in models]})
    if query.lifecycle and "active" not in query.lifecycle:
        models = []
    return Answer(_page(call, query, models))


def _page(call: Call, query: schemas.ModelListQuery, models: list[ModelInfo]) -> dict[str, Any]:
    size, ids = _LISTING.size(query, call.headers), [model.id for model in models]
    anchor = query.after_id or lists.position(call, _LISTING, query.page)
    if anchor is None and query.before_id:
        end = _place(ids, query.before_id, "before_id")
        shown = models[max(0, end - size) : end]
        return lists.page([render.anthropic(model) for model in shown], None, has_more=end > size)
    start = 0 if anchor is None else _place(ids, anchor, "after_id") + 1
    shown = models[start : start + size]
    following = shown[-1].id if shown and start + size < len(models) else None
    return lists.page([render.anthropic(model) for model in shown], lists.cursor(call, _LISTING, following))


def _place(ids: list[str], wanted: str, field: str) -> int:
    if wanted not in ids:
        raise InvalidRequest(f"{field}: no such model", field=field)
    return ids.index(wanted)


def names(call: Call) -> Answer:
    """The models by id and name."""
    return Answer({"data": [render.named(model) for model in _offered(call)]})


def asked(call: Call) -> Answer:
    """The models a provider has for a key, which is not kept."""
    found = call.services.prober.models(call.body)
    return Answer({"data": [{"id": model_id, "name": name} for model_id, name in found]})


def retrieve(call: Call) -> Answer:
    """One model."""
    wanted = call.path["model_id"]
    found = next((model for model in _offered(call) if model.id == wanted), None)
    if found is None:
        raise NotFound(f"no model {wanted!r}", code="model_not_found")
    return Answer(render.anthropic(found) if is_sdk(call.headers) else render.openai(found))


_TAGS = ("models",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("GET",),
        "/v1/models",
        list_,
        "List models",
        query=schemas.ModelListQuery,
        answers={200: schemas.ModelListAnswer},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        "/v1/models/list",
        asked,
        "List the models a provider has for a key",
        scope="write",
        body=ModelsAsk,
        answers={200: schemas.ModelNames},
        errors=(502,),
        keyless=True,
        tags=_TAGS,
    ),
    Route(("GET",), "/v1/models/list", names, "List models' names", answers={200: schemas.ModelNames}, tags=_TAGS),
    Route(
        ("GET",),
        "/v1/models/{model_id:path}",
        retrieve,
        "Retrieve a model",
        answers={200: schemas.ModelAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
)
