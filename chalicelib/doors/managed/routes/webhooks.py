"""Webhook endpoints and their deliveries."""

from typing import Any

from chalicelib.core.ids import derive_id, undress
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import ref_of
from chalicelib.doors.managed.render import webhooks as render
from chalicelib.doors.managed.schemas import webhooks as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space
from chalicelib.webhooks.deliveries import DeliveryFilter
from chalicelib.webhooks.drafts import EndpointCreate, EndpointUpdate, Redrive
from chalicelib.webhooks.errors import DeliveryNotFound, EndpointNotFound
from chalicelib.webhooks.model import Endpoint

_LISTING = lists.Listing("webhook_deliveries")
_endpoint = ref_of("whep", "endpoint_id", EndpointNotFound)


def _delivery(call: Call) -> tuple[Space, str, str]:
    space, endpoint_id = _endpoint(call)
    core = undress("whdl", call.path["delivery_id"])
    if core is None:
        call.services.webhook_endpoints.get(space, endpoint_id)
        raise DeliveryNotFound
    return space, endpoint_id, core


def _with_secret(made: tuple[Endpoint, str], status: int) -> Answer:
    endpoint, secret = made
    return Answer(render.endpoint(endpoint) | {"secret": secret}, status, kept=[endpoint.id, endpoint.secret_id])


def create(call: Call) -> Answer:
    """Make an endpoint; the only answer with its first secret."""
    space = Space(call.principal.tenant)
    endpoint_id = None if call.seed is None else derive_id("webhook", space.tenant, call.seed)
    return _with_secret(call.services.webhook_endpoints.create(space, call.body, endpoint_id), 201)


def create_again(call: Call, kept: Any) -> Answer:
    """The answer to a repeat: stored answers hold no secret."""
    return _with_secret(call.services.webhook_endpoints.reveal(Space(call.principal.tenant), *kept), 201)


def list_(call: Call) -> Answer:
    """All endpoints, newest first."""
    found = call.services.webhook_endpoints.all(Space(call.principal.tenant))
    return Answer(lists.page([render.endpoint(one) for one in reversed(found)], None))


def retrieve(call: Call) -> Answer:
    """One endpoint."""
    return Answer(render.endpoint(call.services.webhook_endpoints.get(*_endpoint(call))))


def update(call: Call) -> Answer:
    """Change an endpoint."""
    return Answer(render.endpoint(call.services.webhook_endpoints.update(*_endpoint(call), call.body)))


def delete(call: Call) -> Answer:
    """Remove an endpoint and its deliveries."""
    space, endpoint_id = _endpoint(call)
    call.services.webhook_endpoints.delete(space, endpoint_id)
    return Answer({"id": render.name(endpoint_id), "type": "webhook_endpoint_deleted"})


def rotate(call: Call) -> Answer:
    """Make a new secret; the old one signs too for a day."""
    return _with_secret(call.services.webhook_endpoints.rotate(*_endpoint(call), call.seed), 200)


def rotate_again(call: Call, kept: Any) -> Answer:
    """The answer to a repeat: stored answers hold no secret."""
    return _with_secret(call.services.webhook_endpoints.reveal(Space(call.principal.tenant), *kept), 200)


def test(call: Call) -> Answer:
    """Send a test event to this endpoint alone."""
    return Answer(render.delivery(call.services.webhook_deliveries.test(*_endpoint(call), call.seed)), 202)


def redrive(call: Call) -> Answer:
    """Try again everything that failed from a moment on."""
    body: Redrive = call.body
    redriven, more = call.services.webhook_deliveries.redrive(*_endpoint(call), body.since)
    return Answer({"type": "webhook_redrive", "redriven": redriven, "has_more": more}, 202)


def list_deliveries(call: Call) -> Answer:
    """An endpoint's deliveries, newest first."""
    query: schemas.DeliveryQuery = call.query
    wanted = DeliveryFilter(query.status, query.event_type, _event(query.event_id))
    found = call.services.webhook_deliveries.page(*_endpoint(call), lists.window(call, _LISTING, query), wanted)
    data = [render.delivery(one) for one in found.items]
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next)))


def _event(text: str | None) -> str | None:
    return None if text is None else undress("whevt", text) or text


def retrieve_delivery(call: Call) -> Answer:
    """One delivery with its attempts."""
    return Answer(render.delivery(call.services.webhook_deliveries.get(*_delivery(call))))


def redeliver(call: Call) -> Answer:
    """Send an event again, under the id it had."""
    return Answer(render.delivery(call.services.webhook_deliveries.redeliver(*_delivery(call))), 202)


_ALL = "/v1/webhook_endpoints"
_ONE = f"{_ALL}/{{endpoint_id}}"
_DELIVERIES = f"{_ONE}/deliveries"
_DELIVERY = f"{_DELIVERIES}/{{delivery_id}}"
_TAGS = ("webhooks",)


def _post(
    path: str, handler: Any, summary: str, answers: dict[int, Any], errors: tuple[int, ...], **more: Any
) -> Route:
    return Route(
        ("POST",),
        path,
        handler,
        summary,
        scope="write",
        answers=answers,
        errors=errors,
        tags=_TAGS,
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _post(
        _ALL,
        create,
        "Create a webhook endpoint",
        {201: schemas.NewWebhookEndpoint},
        (409,),
        body=EndpointCreate,
        recall=create_again,
    ),
    Route(("GET",), _ALL, list_, "List webhook endpoints", answers={200: schemas.WebhookEndpointPage}, tags=_TAGS),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a webhook endpoint",
        answers={200: schemas.WebhookEndpointAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a webhook endpoint",
        scope="write",
        body=EndpointUpdate,
        answers={200: schemas.WebhookEndpointAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a webhook endpoint",
        scope="write",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
    _post(
        f"{_ONE}/rotate_secret",
        rotate,
        "Rotate the secret of a webhook endpoint",
        {200: schemas.NewWebhookEndpoint},
        (404, 409),
        recall=rotate_again,
    ),
    _post(f"{_ONE}/test", test, "Send a test event", {202: schemas.DeliveryAnswer}, (404, 409)),
    _post(
        f"{_ONE}/redrive",
        redrive,
        "Try failed deliveries again",
        {202: schemas.Redriven},
        (400, 404, 409),
        body=Redrive,
    ),
    Route(
        ("GET",),
        _DELIVERIES,
        list_deliveries,
        "List deliveries",
        query=schemas.DeliveryQuery,
        answers={200: schemas.DeliveryPage},
        errors=(400, 404),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _DELIVERY,
        retrieve_delivery,
        "Retrieve a delivery",
        answers={200: schemas.DeliveryAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    _post(f"{_DELIVERY}/redeliver", redeliver, "Deliver an event again", {202: schemas.DeliveryAnswer}, (404, 409)),
)
