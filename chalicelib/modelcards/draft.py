"""What a client may ask of model cards and prices. In an update a field that was not sent stays as it is."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StringConstraints, field_validator

from chalicelib.core.schema import Schema
from chalicelib.modelcards.model import MOST_FALLBACKS, PriceList, ProviderKind
from chalicelib.outbound.errors import UrlRefused
from chalicelib.outbound.url import parse

MOST_HEADERS = 32
_CONTROL = re.compile(r"[^\x20-\x7e]")
_OURS = frozenset(
    (
        *("host", "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "upgrade"),
        *("expect", "te", "trailer", "accept-encoding", "proxy-authorization", "proxy-connection"),
    )
)


def _sendable(secret: SecretStr) -> SecretStr:
    # It goes into a header line, where a line break would begin another header.
    if _CONTROL.search(secret.get_secret_value()):
        raise ValueError("only printable ASCII characters can be sent in a header")
    return secret


def normal_base(url: str) -> str:
    """The one spelling under which an address is kept and called. Raises ValueError."""
    if not url:
        return ""
    try:
        parsed = parse(url)
    except UrlRefused as refused:
        raise ValueError(refused.message) from refused
    if "?" in parsed.target:
        raise ValueError("a base URL has no query")
    return str(parsed).rstrip("/")


def _decimal(text: str) -> str:
    return str(Decimal(text))


def _header_name(name: str) -> str:
    if name.lower() in _OURS:
        raise ValueError(f"the header {name.lower()} is set by the server")
    return name.lower()


ModelName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Key = Annotated[SecretStr, Field(min_length=1, max_length=16_384), AfterValidator(_sendable)]
Base = Annotated[str, StringConstraints(max_length=2048), AfterValidator(normal_base)]
HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128), AfterValidator(_header_name)
]
HeaderValue = Annotated[SecretStr, Field(max_length=4096), AfterValidator(_sendable)]
Headers = Annotated[dict[HeaderName, HeaderValue], Field(max_length=MOST_HEADERS)]
Money = Annotated[str, StringConstraints(pattern=r"^\d{1,6}(\.\d{1,6})?$"), AfterValidator(_decimal)]


class PricesInput(Schema):
    """USD per million tokens, as decimal text; cache prices that are not named are the input's."""

    input: Money
    output: Money
    cache_read: Money | None = None
    cache_write: Money | None = None

    def listed(self) -> PriceList:
        """The prices as they are kept."""
        return PriceList.model_validate(self.model_dump())


class _CardFields(Schema):
    """The fields of create and update alike."""

    model_config = ConfigDict(protected_namespaces=())

    base_url: Base | None = None
    custom_headers: Headers | str | None = Field(default=None, description="An object of text values, or none")
    fallbacks: list[ModelName] | None = Field(default=None, max_length=MOST_FALLBACKS)
    prices: PricesInput | None = None

    @field_validator("custom_headers")
    @classmethod
    def _object_or_nothing(cls, given: dict[str, SecretStr] | str | None) -> dict[str, SecretStr] | str | None:
        if isinstance(given, str) and given:
            raise ValueError("must be an object")
        return given or None

    @property
    def headers(self) -> dict[str, SecretStr]:
        """The headers that were sent."""
        return self.custom_headers if isinstance(self.custom_headers, dict) else {}

    def sent(self, name: str) -> bool:
        """Whether the client said anything about a field."""
        return name in self.model_fields_set


class CardCreate(_CardFields):
    """A new card; ``model`` None: the provider knows the model by ``model_id``."""

    model_id: ModelName
    provider: ProviderKind
    api_key: Key
    model: ModelName | None = None
    is_default: bool = False


class CardUpdate(_CardFields):
    """Changes to a card; null or empty text clears ``base_url`` and ``custom_headers``."""

    model_id: ModelName | None = None
    provider: ProviderKind | None = None
    api_key: Key | None = None
    model: ModelName | None = None
    is_default: bool | None = None


class ModelsAsk(Schema):
    """Whose models to list, with which key."""

    provider: ProviderKind
    api_key: Key
    base_url: Base | None = None


class PricePut(PricesInput):
    """What a model costs the tenant."""

    model: ModelName
