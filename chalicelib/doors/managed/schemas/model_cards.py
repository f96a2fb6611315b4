"""Model cards, spending and statistics on the wire; requests are the core's own drafts. No answer holds a key."""

from typing import Literal

from pydantic import ConfigDict, Field

from chalicelib.core.schema import Schema
from chalicelib.doors.managed.schemas.lists import ArchiveQuery, Page
from chalicelib.modelcards.model import PriceList, ProviderKind
from chalicelib.spending.limits import MOST_END_USER
from chalicelib.spending.model import Source


class CardAnswer(Schema):
    """A model card. Values of ``custom_headers`` that may be secret are shown as ``[hidden]``."""

    model_config = ConfigDict(protected_namespaces=())

    id: str
    type: Literal["model_card"]
    model_id: str
    model: str
    provider: ProviderKind
    base_url: str | None
    custom_headers: dict[str, str] | None
    api_key_preview: str
    is_default: bool
    fallbacks: list[str]
    prices: PriceList | None
    created_at: str
    updated_at: str
    archived_at: str | None


class ProbeAnswer(Schema):
    """Whether the card's address gave a token; ``message`` says why not."""

    ok: bool | None
    message: str | None = None
    reason: str | None = None


class NewCardAnswer(CardAnswer):
    """A new card and what came of trying it."""

    probe: ProbeAnswer


class CardPage(Page[CardAnswer]):
    """A page of model cards."""


class CardQuery(ArchiveQuery):
    """Which cards; ``q`` is a part of the ``model_id`` in any case."""

    provider: str | None = Field(default=None, description="ant, ant-compatible, oai or oai-compatible")


class StatsAnswer(Schema):
    """How many active things there are; of nouns in ``capped`` there are more than the number says."""

    agents: int
    sessions: int
    environments: int
    vaults: int
    skills: int
    model_cards: int
    api_keys: int
    capped: list[str]


class Figures(Schema):
    """Calls, tokens and cost in USD as decimal text; ``unpriced_calls`` are those whose price is not known."""

    model_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    cost_usd: str


class SpentAnswer(Figures):
    """What a model cost on a day (UTC): in the sessions of agents, in chats that ask it directly, or as a grader."""

    date: str
    model: str
    source: Source


class ModelSpentAnswer(Figures):
    """What a model cost in the whole time."""

    model: str


class CostReport(Schema):
    """Spending from ``from`` to ``to``, both days included."""

    model_config = ConfigDict(populate_by_name=True)

    type: Literal["cost_report"]
    currency: Literal["USD"]
    from_: str = Field(alias="from")
    to: str
    data: list[SpentAnswer]
    models: list[ModelSpentAnswer]
    total: Figures


class CostQuery(Schema):
    """The days (``YYYY-MM-DD``, UTC; usually the last 30), and perhaps one model, source or end user."""

    from_: str | None = Field(default=None, alias="from")
    to: str | None = None
    model: str | None = None
    source: Source | None = None
    end_user: str | None = Field(default=None, min_length=1, max_length=MOST_END_USER)


class PriceAnswer(PriceList):
    """What the tenant says a model costs."""

    model: str
    updated_at: str


class PriceListAnswer(Schema):
    """All prices the tenant has set."""

    data: list[PriceAnswer]


class PriceQuery(Schema):
    """Which model's price."""

    model: str


class PriceDeleted(Schema):
    """Whose price was removed."""

    type: Literal["price_deleted"]
    model: str
