"""Where model cards are kept: one partition a tenant, so that all a run has to know comes in one read.

In key order: active cards (A#), the tenant's own prices (B#), how many of both there are and which card is the default
(HEAD), a row for each ``model_id`` that is taken (K#), and archived cards (X#).
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from chalicelib.modelcards.model import MOST_CARDS, MOST_PRICES, ModelCard, PriceList, TenantPrice
from chalicelib.modelcards.roster import Roster
from chalicelib.storage import writes
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write
from chalicelib.tenants.holdings import Holdings

_NOUN, _ARCHIVE = "modelcards", "archived"
_ACTIVE, _PRICE, HEAD, _TAKEN, _ARCHIVED = "A#", "B#", "HEAD", "K#", "X#"
_FACTS = ("id", "model_id", "created_at", "updated_at", "archived_at", "revision", "sealed", "api_key_preview")
_DOCUMENT = {"model", "provider", "base_url", "custom_headers", "fallbacks", "prices"}


class CardStore:
    """Rows of model cards and prices; no rule about them is here."""

    def __init__(self, table: Table, documents: Documents, holdings: Holdings) -> None:
        self._table = table
        self._documents = documents
        self._holdings = holdings

    def commit(self, space: Space, steps: Sequence[Write]) -> None:
        """All of the writes or none. Raises TransactionRefused, StorageBusy."""
        self._table.transact([*steps, self._holdings.changed(space, "cards")])

    def committed(self, space: Space, steps: Sequence[Write]) -> bool:
        """As ``commit``; whether it was done, or a condition refused it. Raises StorageBusy."""
        return self._table.transacted([*steps, self._holdings.changed(space, "cards")])

    def roster(self, space: Space) -> Roster:
        """All active cards and all prices of a tenant."""
        rows = list(self._table.walk(space.partition(_NOUN), low=_ACTIVE, high=HEAD))
        head = rows.pop() if rows and rows[-1]["sk"] == HEAD else {}
        default = head.get("default")
        cards = [self._card(row, default) for row in rows if row["sk"].startswith(_ACTIVE)]
        prices = [self._price(row) for row in rows if row["sk"].startswith(_PRICE)]
        return Roster.of(cards, prices)

    def count(self, space: Space) -> int:
        """How many active cards a tenant has."""
        return int((self._table.get(_key(space, HEAD)) or {}).get("cards", 0))

    def find(self, space: Space, card_id: str) -> ModelCard | None:
        """One card, active or archived."""
        places = [_key(space, mark + card_id) for mark in (_ACTIVE, _ARCHIVED)]
        rows = self._table.get_many([_key(space, HEAD), *places])
        default = rows.get(_key(space, HEAD), {}).get("default")
        return next((self._card(rows[place], default) for place in places if place in rows), None)

    def page(
        self, space: Space, window: Window, *, active: bool, archived: bool, name_part: str, provider: str | None
    ) -> tuple[list[ModelCard], str | None]:
        """Cards by creation, and the position to go on after."""
        listings = [space.listing(_NOUN)] * active + [space.listing(_NOUN, _ARCHIVE)] * archived
        head = self._table.get(_key(space, HEAD)) or {}

        def keep(row: Row) -> bool:
            fits = provider is None or self._documents.unpack(row)["provider"] == provider
            return fits and name_part in row["model_id"].lower()

        found = read_lists(self._table, listings, window, keep)
        cards = [self._card(row, head.get("default")) for row in found.rows]
        return cards, found.rows[-1]["list_sk"] if found.more else None

    def insert(self, space: Space, card: ModelCard) -> list[Write]:
        """The writes that make a card: its row, the check that it was not archived meanwhile, the count, its name."""
        room = writes.missing("cards") | writes.compare("cards", "<", MOST_CARDS)
        return [
            writes.put(self._row(space, card), writes.ABSENT),
            writes.check(_key(space, _ARCHIVED + card.id), writes.ABSENT),
            writes.update(_key(space, HEAD), _default(card), room, add={"cards": 1}),
            self.take(space, card),
        ]

    def take(self, space: Space, card: ModelCard) -> Write:
        """The write that takes a card's name, if it is free."""
        key = _taken(space, card.model_id)
        return writes.put({"pk": key.pk, "sk": key.sk, "card": card.id}, writes.ABSENT)

    def free(self, space: Space, card: ModelCard) -> Write:
        """The write that gives a card's name back."""
        return writes.delete(_taken(space, card.model_id))

    def change(self, space: Space, card: ModelCard) -> Write:
        """The write that replaces the revision before."""
        changes = self._content(space, card)
        gone = {name: None for name in ("doc", "docz", "docref") if name not in changes}
        return writes.update(
            _key(space, _ACTIVE + card.id), changes | gone, writes.equals("revision", card.revision - 1)
        )

    def choose(self, space: Space, card: ModelCard, *, was: bool) -> list[Write]:
        """The writes after which the card is the default, or is not any more; none when nothing changes."""
        if card.is_default == was:
            return []
        if card.is_default:
            return [writes.update(_key(space, HEAD), _default(card), writes.PRESENT)]
        return [writes.update(_key(space, HEAD), {"default": None}, writes.equals("default", card.id))]

    def remove(self, space: Space, card: ModelCard) -> list[Write]:
        """The writes that take away a card as it was seen."""
        mark = _ACTIVE if card.archived_at is None else _ARCHIVED
        steps = [writes.delete(_key(space, mark + card.id), writes.equals("revision", card.revision))]
        if card.archived_at is not None:
            return steps
        cleared: dict[str, Any] = {"default": None} if card.is_default else {}
        another = writes.missing("default") | writes.compare("default", "<>", card.id)
        as_seen = writes.equals("default", card.id) if card.is_default else writes.PRESENT & another
        return [*steps, self.free(space, card), writes.update(_key(space, HEAD), cleared, as_seen, add={"cards": -1})]

    def put_archived(self, space: Space, card: ModelCard) -> Write:
        """The write that makes the row of an archived card."""
        return writes.put(self._row(space, card))

    def put_price(self, space: Space, price: TenantPrice, *, fresh: bool) -> list[Write]:
        """The writes that set a model's price, which was ``fresh`` if it had none."""
        key = _price_key(space, price.model)
        facts = {"model": price.model, "updated_at": price.updated_at}
        row = {"pk": key.pk, "sk": key.sk, **facts, **self._documents.pack(space, price.prices.model_dump())}
        if not fresh:
            return [writes.put(row, writes.PRESENT)]
        room = writes.missing("prices") | writes.compare("prices", "<", MOST_PRICES)
        return [writes.put(row, writes.ABSENT), writes.update(_key(space, HEAD), {}, room, add={"prices": 1})]

    def remove_price(self, space: Space, model: str) -> list[Write]:
        """The writes that forget a model's price."""
        gone = writes.delete(_price_key(space, model), writes.PRESENT)
        return [gone, writes.update(_key(space, HEAD), {}, writes.PRESENT, add={"prices": -1})]

    def _card(self, row: Row, default: str | None) -> ModelCard:
        facts = {name: row[name] for name in _FACTS if name in row}
        is_default = default == row["id"] and row["sk"].startswith(_ACTIVE)
        return ModelCard.model_validate(self._documents.unpack(row) | facts | {"is_default": is_default})

    def _price(self, row: Row) -> TenantPrice:
        prices = PriceList.model_validate(self._documents.unpack(row))
        return TenantPrice(model=row["model"], prices=prices, updated_at=row["updated_at"])

    def _content(self, space: Space, card: ModelCard) -> Row:
        facts = {name: getattr(card, name) for name in _FACTS}
        return facts | self._documents.pack(space, card.model_dump(mode="json", include=_DOCUMENT))

    def _row(self, space: Space, card: ModelCard) -> Row:
        active = card.archived_at is None
        key = _key(space, (_ACTIVE if active else _ARCHIVED) + card.id)
        listing = space.listing(_NOUN) if active else space.listing(_NOUN, _ARCHIVE)
        listed = {"list_pk": listing, "list_sk": list_sk(card.created_at, card.id)}
        return {"pk": key.pk, "sk": key.sk, **self._content(space, card), **listed}


def _key(space: Space, sk: str) -> Key:
    return space.key(_NOUN, sk=sk)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _taken(space: Space, model_id: str) -> Key:
    return _key(space, _TAKEN + _digest(model_id))


def _price_key(space: Space, model: str) -> Key:
    return _key(space, _PRICE + _digest(model))


def _default(card: ModelCard) -> dict[str, Any]:
    return {"default": card.id} if card.is_default else {}
