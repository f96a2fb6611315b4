"""What models cost a tenant, its own prices, and how many things it has."""

from datetime import UTC, date, datetime, timedelta

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.managed.render import model_cards as render
from chalicelib.doors.managed.schemas import model_cards as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.modelcards.draft import PricePut
from chalicelib.spending.model import MOST_DAYS
from chalicelib.storage.keys import Space

_USUAL_DAYS = 30
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


def stats(call: Call) -> Answer:
    """How many things there are."""
    found = call.services.census.take(Space(call.principal.tenant))
    return Answer(found.counts | {"capped": found.capped})


def report(call: Call) -> Answer:
    """Spending by day, model and source."""
    query: schemas.CostQuery = call.query
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    last = _day(query.to, "to") or today
    first = _day(query.from_, "from") or last - timedelta(days=_USUAL_DAYS - 1)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise InvalidRequest(f"from: must be at most {MOST_DAYS - 1} days before to", field="from")
    spent = call.services.spending.between(Space(call.principal.tenant), first, last, query.end_user)
    chosen = [one for one in spent if query.model in (None, one.model) and query.source in (None, one.source)]
    return Answer(render.report(chosen, first, last))


def _day(text: str | None, field: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text[:10])
    except ValueError as error:
        raise InvalidRequest(f"{field}: not a date", field=field, code="invalid_timestamp") from error
    # Days are added and subtracted, and a calendar has two ends.
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise InvalidRequest(f"{field}: not a date of this time", field=field, code="invalid_timestamp")
    return day


def prices(call: Call) -> Answer:
    """The prices the tenant has set, by model."""
    found = call.services.model_prices.all(Space(call.principal.tenant))
    return Answer({"data": [render.price(price) for price in found]})


def put_price(call: Call) -> Answer:
    """Set what a model costs; it counts for runs that begin afterwards."""
    return Answer(render.price(call.services.model_prices.put(Space(call.principal.tenant), call.body)))


def delete_price(call: Call) -> Answer:
    """Let the server's price list count for a model again."""
    query: schemas.PriceQuery = call.query
    call.services.model_prices.forget(Space(call.principal.tenant), query.model)
    return Answer({"type": "price_deleted", "model": query.model})


_PRICING = "/v1/cost_report/pricing"
_TAGS = ("costs",)
ROUTES: tuple[Route, ...] = (
    Route(("GET",), "/v1/stats", stats, "Count things", answers={200: schemas.StatsAnswer}, tags=_TAGS),
    Route(
        ("GET",),
        "/v1/cost_report",
        report,
        "Report spending",
        query=schemas.CostQuery,
        answers={200: schemas.CostReport},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(("GET",), _PRICING, prices, "List prices", answers={200: schemas.PriceListAnswer}, tags=_TAGS),
    Route(
        ("PUT",),
        _PRICING,
        put_price,
        "Set a price",
        scope="write",
        body=PricePut,
        answers={200: schemas.PriceAnswer},
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _PRICING,
        delete_price,
        "Delete a price",
        scope="write",
        query=schemas.PriceQuery,
        answers={200: schemas.PriceDeleted},
        errors=(400, 404),
        tags=_TAGS,
    ),
)
