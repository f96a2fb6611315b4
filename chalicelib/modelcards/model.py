"""Model cards as they are stored: which model a tenant's agents may name, where it is served, and what it costs."""

from decimal import Decimal
from typing import Literal, get_args

from pydantic import Field

from chalicelib.core.schema import Schema
from chalicelib.models.pricing import Price

ProviderKind = Literal["ant", "ant-compatible", "oai", "oai-compatible"]
KINDS: tuple[str, ...] = get_args(ProviderKind)
MOST_CARDS = 100
MOST_PRICES = 500
MOST_FALLBACKS = 8
DEFAULT = "default"


class PriceList(Schema):
    """USD per million tokens, as decimal text; cache prices that are not named are the input's."""

    input: str
    output: str
    cache_read: str | None = None
    cache_write: str | None = None

    def price(self) -> Price:
        """The prices as numbers."""
        plain = Decimal(self.input)
        read, write = (plain if text is None else Decimal(text) for text in (self.cache_read, self.cache_write))
        return Price(plain, Decimal(self.output), read, write)


class ModelCard(Schema):
    """One card; times are milliseconds.

    Agents name ``model_id``; the provider receives ``model``. ``custom_headers`` has every header's name, and the value
    of those that are no secret. ``sealed`` holds the key and the other values, and nothing once the card is archived.
    ``fallbacks`` are models to turn to, in their order, while this one cannot be had.
    """

    id: str
    model_id: str
    model: str
    provider: ProviderKind
    base_url: str | None = None
    custom_headers: dict[str, str | None] = Field(default_factory=dict)
    api_key_preview: str
    fallbacks: list[str] = Field(default_factory=list)
    prices: PriceList | None = None
    is_default: bool = False
    created_at: int
    updated_at: int
    archived_at: int | None = None
    revision: int = 1
    sealed: str = Field(default="", repr=False)

    @property
    def wire(self) -> Literal["anthropic", "openai"]:
        """Which API the address speaks."""
        return "anthropic" if self.provider.startswith("ant") else "openai"


class Secrets(Schema):
    """What only calls of the model need: the key, and the values of headers that may be secret."""

    api_key: str = Field(repr=False)
    headers: dict[str, str] = Field(default_factory=dict, repr=False)


class TenantPrice(Schema):
    """What a tenant says a model costs; ``updated_at`` in milliseconds."""

    model: str
    prices: PriceList
    updated_at: int
