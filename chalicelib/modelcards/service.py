"""What may be done with model cards."""

from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.jsonio import loads
from chalicelib.core.paging import Page
from chalicelib.modelcards import building
from chalicelib.modelcards.draft import CardCreate, CardUpdate
from chalicelib.modelcards.errors import CardArchived, CardNotFound, ModelIdTaken, ModelUnserved, TooManyCards
from chalicelib.modelcards.model import MOST_CARDS, ModelCard, Secrets
from chalicelib.modelcards.roster import Roster
from chalicelib.modelcards.store import CardStore
from chalicelib.models.catalog import ModelInfo
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.secrets import SecretBox

_TRIES = 10
_PURPOSE = "model-card"
_ROW, _NOT_ARCHIVED, _ROOM = 0, 1, 2


@dataclass(frozen=True, slots=True)
class CardFilter:
    """Which cards a list shows; ``name_part`` is compared without case."""

    active: bool = True
    archived: bool = False
    name_part: str = ""
    provider: str | None = None


class CardService:
    """Creates, changes, archives and removes cards. Their secrets leave only through ``secrets``."""

    def __init__(self, store: CardStore, box: SecretBox) -> None:
        self._store = store
        self._box = box

    def create(self, space: Space, sent: CardCreate, card_id: str | None = None) -> ModelCard:
        """A new card; with an id that exists already, the card that has it.

        Raises InvalidRequest, ModelIdTaken, TooManyCards.
        """
        card, secrets = building.made(sent, card_id or new_id(), now_ms())
        sealed = self._seal(space, card.id, secrets)
        card = card.model_copy(update={"sealed": sealed, "is_default": sent.is_default})
        try:
            self._store.commit(space, self._store.insert(space, card))
        except TransactionRefused as refusal:
            if {_ROW, _NOT_ARCHIVED} & set(refusal.failed):
                return self.get(space, card.id)
            if _ROOM in refusal.failed:
                raise TooManyCards(f"a tenant has at most {MOST_CARDS} model cards") from refusal
            raise _taken(card) from refusal
        return card

    def get(self, space: Space, card_id: str) -> ModelCard:
        """One card, also an archived one. Raises CardNotFound."""
        found = self._store.find(space, card_id)
        if found is None:
            raise CardNotFound
        return found

    def update(self, space: Space, card_id: str, sent: CardUpdate) -> ModelCard:
        """The card after the change, which counts for runs that begin a second from now or later.

        Raises CardNotFound, CardArchived, InvalidRequest, ModelIdTaken.
        """
        for _ in range(_TRIES):
            current = self.get(space, card_id)
            if current.archived_at is not None:
                raise CardArchived
            after = self._changed(space, current, sent)
            steps = [self._store.change(space, after), *self._store.choose(space, after, was=current.is_default)]
            renamed = after.model_id != current.model_id
            if renamed:
                steps += [self._store.take(space, after), self._store.free(space, current)]
            try:
                self._store.commit(space, steps)
            except TransactionRefused as refusal:
                if renamed and refusal.failed == (len(steps) - 2,):
                    raise _taken(after) from refusal
                continue
            return after
        raise StorageBusy("the model card is changed by too many at once")

    def _changed(self, space: Space, current: ModelCard, sent: CardUpdate) -> ModelCard:
        before = self.secrets(space, current) if sent.sent("api_key") or sent.sent("custom_headers") else None
        after, secrets = building.changed(current, before or Secrets(api_key=""), sent)
        news: dict[str, object] = {"revision": current.revision + 1, "updated_at": now_ms()}
        if before is not None:
            news["sealed"] = self._seal(space, current.id, secrets)
        if sent.is_default is not None:
            news["is_default"] = sent.is_default
        return after.model_copy(update=news)

    def archive(self, space: Space, card_id: str) -> ModelCard:
        """Archive for good, forget the secrets and free the name; a second call changes nothing.

        Raises CardNotFound.
        """
        for _ in range(_TRIES):
            current = self.get(space, card_id)
            if current.archived_at is not None:
                return current
            after = current.model_copy(update={"archived_at": now_ms(), "sealed": "", "is_default": False})
            steps = [*self._store.remove(space, current), self._store.put_archived(space, after)]
            if self._store.committed(space, steps):
                return after
        raise StorageBusy("the model card is changed by too many at once")

    def delete(self, space: Space, card_id: str) -> None:
        """Remove a card. Raises CardNotFound."""
        for _ in range(_TRIES):
            if self._store.committed(space, self._store.remove(space, self.get(space, card_id))):
                return
        raise StorageBusy("the model card is changed by too many at once")

    def page(self, space: Space, window: Window, wanted: CardFilter) -> Page[ModelCard]:
        """Cards by creation; ``next`` is the position to go on after."""
        cards, following = self._store.page(
            space,
            window,
            active=wanted.active,
            archived=wanted.archived,
            name_part=wanted.name_part.lower(),
            provider=wanted.provider,
        )
        return Page(cards, following)

    def roster(self, space: Space) -> Roster:
        """All active cards and all prices, in one read."""
        return self._store.roster(space)

    def offered(self, space: Space) -> list[ModelInfo]:
        """The models of the active cards, oldest first."""
        cards = sorted(self.roster(space).cards.values(), key=lambda card: (card.created_at, card.id))
        return [
            ModelInfo(
                card.model_id,
                card.model_id,
                card.wire,
                created_ms=card.created_at,
                fallbacks=tuple(card.fallbacks),
            )
            for card in cards
        ]

    def demand_served(self, space: Space, models: dict[str, str]) -> None:
        """Whether an agent may name these models, by field. Raises ModelUnserved."""
        roster = self.roster(space) if models else Roster()
        for name, model in models.items():
            if not roster.serves(model):
                raise ModelUnserved(
                    f"{name}: no model card has the model_id {model!r}", field=name, code="model_not_served"
                )

    def secrets(self, space: Space, card: ModelCard) -> Secrets:
        """The secrets of an active card. Raises SecretUnreadable."""
        return Secrets.model_validate(loads(self._box.open(space, _PURPOSE, card.id, card.sealed)))

    def _seal(self, space: Space, card_id: str, secrets: Secrets) -> str:
        return self._box.seal(space, _PURPOSE, card_id, secrets.model_dump_json())


def _taken(card: ModelCard) -> ModelIdTaken:
    message = f"model_id: another model card is for {card.model_id!r}"
    return ModelIdTaken(message, field="model_id", code="model_id_taken")
