"""Puts the parts of uploads together."""

from typing import TYPE_CHECKING

from chalicelib.core.lazy import lazy
from chalicelib.uploads.places import BucketPlace, OwnPlace, Place, Tokens
from chalicelib.uploads.receiving import Reception
from chalicelib.uploads.service import UploadService
from chalicelib.uploads.store import UploadStore

if TYPE_CHECKING:
    from chalicelib.wiring import Services


class Uploads:
    """What begins and completes uploads, where their content goes, and what takes it where that is here."""

    def __init__(self, services: "Services") -> None:
        self.lock = services.lock
        self._services = services
        self._store = UploadStore(services.table)
        self._tokens = Tokens(services.secrets)

    @lazy
    def service(self) -> UploadService:
        return UploadService(self._store, self._services.files, self._services.objects)

    @lazy
    def place(self) -> Place:
        return OwnPlace(self._tokens) if self._services.holds_bucket else BucketPlace(self._services.objects)

    @lazy
    def reception(self) -> Reception:
        return Reception(self._store, self._services.objects, self._tokens)
