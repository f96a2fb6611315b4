"""What may be done with user profiles."""

from collections.abc import Callable

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.core.paging import Page
from chalicelib.storage.errors import StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.userprofiles import building
from chalicelib.userprofiles.drafts import ProfileCreate, ProfileUpdate
from chalicelib.userprofiles.errors import ExternalIdTaken, ProfileNotFound
from chalicelib.userprofiles.model import Profile
from chalicelib.userprofiles.store import ProfileStore
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

_TRIES = 10


class ProfileService:
    """Creates, changes, enrols and removes profiles. Every error is one of ``userprofiles.errors``."""

    def __init__(self, store: ProfileStore, announcer: Announcer = SILENT) -> None:
        self._store = store
        self._announcer = announcer

    def create(self, space: Space, sent: ProfileCreate, profile_id: str | None = None) -> Profile:
        """A new profile; with an id that exists already, the profile that has it.

        Raises InvalidRequest, ExternalIdTaken.
        """
        now = now_ms()
        empty = Profile(id=profile_id or new_id(), created_at=now, updated_at=now)
        made = building.built(empty, sent, new=True)
        try:
            self._store.commit(self._store.insertion(space, made))
        except TransactionRefused as refusal:
            if 0 in refusal.failed:
                return self.get(space, made.id)
            raise _taken() from refusal
        return made

    def get(self, space: Space, profile_id: str) -> Profile:
        """One profile. Raises ProfileNotFound."""
        found = self._store.find(space, profile_id)
        if found is None:
            raise ProfileNotFound
        return found

    def update(self, space: Space, profile_id: str, sent: ProfileUpdate) -> Profile:
        """The profile after the change. Raises ProfileNotFound, InvalidRequest, ExternalIdTaken."""
        return self._changed(space, profile_id, lambda before: building.built(before, sent, new=False))

    def enrol(self, space: Space, profile_id: str) -> Profile:
        """The user confirmed; a second time changes nothing. Raises ProfileNotFound."""

        def change(before: Profile) -> Profile:
            if before.enrolled_at is not None:
                return before
            now = now_ms()
            return before.model_copy(update={"enrolled_at": now, "onboarded_at": before.onboarded_at or now})

        told = Happening("user_profile.program_status_updated", profile_id)
        return self._changed(space, profile_id, change, told)

    def _changed(
        self, space: Space, profile_id: str, change: Callable[[Profile], Profile], told: Happening | None = None
    ) -> Profile:
        for _ in range(_TRIES):
            before = self.get(space, profile_id)
            after = change(before)
            if after == before:
                return before
            after = after.model_copy(update={"revision": before.revision + 1, "updated_at": now_ms()})
            news = [] if told is None else self._announcer.tell(space, told)
            try:
                self._store.commit([*self._store.replacement(space, before, after), *news])
            except TransactionRefused as refusal:
                if 0 not in refusal.failed:
                    raise _taken() from refusal
            else:
                return after
        raise StorageBusy("the user profile is changed by too many at once")

    def delete(self, space: Space, profile_id: str) -> None:
        """Remove a profile; its external id is free again. Raises ProfileNotFound."""
        for _ in range(_TRIES):
            try:
                self._store.commit(self._store.removal(space, self.get(space, profile_id)))
            except TransactionRefused:
                continue
            return
        raise StorageBusy("the user profile is changed by too many at once")

    def page(self, space: Space, window: Window) -> Page[Profile]:
        """Profiles by creation; ``next`` is the position to go on after."""
        found = self._store.page(space, window)
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([self._store.restored(row) for row in found.rows], following)

    def named_page(self, space: Space, limit: int, after: str | None, *, ascending: bool) -> Page[Profile]:
        """Profiles by name without regard to the case of ASCII letters, those without a name last."""
        return Page(*self._store.named_page(space, limit, after, ascending=ascending))


def _taken() -> ExternalIdTaken:
    return ExternalIdTaken("external_id: another user profile has it", field="external_id", code="external_id_taken")
