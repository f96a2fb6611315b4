"""Model cards: which models a tenant's agents may name, and where they are served."""

from typing import Any

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import derive_id
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import ref_of
from chalicelib.doors.managed.render import model_cards as render
from chalicelib.doors.managed.schemas import model_cards as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.http.route import Answer, Call, Route
from chalicelib.modelcards.draft import CardCreate, CardUpdate
from chalicelib.modelcards.errors import CardNotFound
from chalicelib.modelcards.model import KINDS, ModelCard
from chalicelib.modelcards.service import CardFilter
from chalicelib.storage.keys import Space

_LISTING = lists.Listing("model_cards")
_place = ref_of("mdl", "card_id", CardNotFound)


def create(call: Call) -> Answer:
    """Make a card and try it; a card that does not work yet is kept all the same."""
    space = Space(call.principal.tenant)
    card_id = None if call.seed is None else derive_id("model-card", space.tenant, call.seed)
    card = call.services.model_cards.create(space, call.body, card_id)
    return Answer(render.card(card) | {"probe": _probed(call, space, card)}, 201)


def _probed(call: Call, space: Space, card: ModelCard) -> dict[str, Any]:
    if card.archived_at is not None:
        return {"ok": None, "reason": "archived"}
    return render.probe(call.services.prober.probe(card, call.services.model_cards.secrets(space, card)))


def list_(call: Call) -> Answer:
    """Cards, newest first."""
    query: schemas.CardQuery = call.query
    if query.provider is not None and query.provider not in KINDS:
        kinds = ", ".join(KINDS)
        raise InvalidRequest(f"provider: must be one of {kinds}", field="provider", code="invalid_provider")
    active, archived = lists.shown_states(call, query, plain_shows_archived=False)
    wanted = CardFilter(active, archived, (query.q or "").strip(), query.provider)
    space = Space(call.principal.tenant)
    found = call.services.model_cards.page(space, lists.window(call, _LISTING, query), wanted)
    data = [render.card(card) for card in found.items]
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next)))


def retrieve(call: Call) -> Answer:
    """One card."""
    return Answer(render.card(call.services.model_cards.get(*_place(call))))


def update(call: Call) -> Answer:
    """Change a card, without trying it; runs that begin afterwards use it as it is then."""
    return Answer(render.card(call.services.model_cards.update(*_place(call), call.body)))


def archive(call: Call) -> Answer:
    """Archive a card for good; its key is forgotten, its name is free."""
    return Answer(render.card(call.services.model_cards.archive(*_place(call))))


def delete(call: Call) -> Answer:
    """Remove a card."""
    space, card_id = _place(call)
    call.services.model_cards.delete(space, card_id)
    return Answer({"id": render.name(card_id), "type": "model_card_deleted"})


_ONE = "/v1/model_cards/{card_id}"
_TAGS = ("models",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/model_cards",
        create,
        "Create a model card",
        scope="write",
        body=CardCreate,
        answers={201: schemas.NewCardAnswer},
        errors=(409,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/model_cards",
        list_,
        "List model cards",
        query=schemas.CardQuery,
        answers={200: schemas.CardPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a model card",
        answers={200: schemas.CardAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a model card",
        scope="write",
        body=CardUpdate,
        answers={200: schemas.CardAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/archive",
        archive,
        "Archive a model card",
        scope="write",
        answers={200: schemas.CardAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a model card",
        scope="write",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
