"""Processes that die after so many writes to table and bucket."""

from dataclasses import dataclass
from typing import Any

from chalicelib.core.settings import Settings
from chalicelib.wiring import Services

_TABLE = ("put_item", "update_item", "batch_write_item", "transact_write_items")
_BUCKET = ("put_object", "upload_part", "complete_multipart_upload", "delete_object", "delete_objects")


class Died(BaseException):
    """The process ends here."""


@dataclass
class _Life:
    left: int

    def spend(self) -> None:
        if self.left == 0:
            raise Died
        self.left -= 1


class _Mortal:
    """A client of storage whose process dies with its life."""

    def __init__(self, client: Any, life: _Life) -> None:
        self._client, self._life = client, life

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in _TABLE + _BUCKET:
            return call

        def written(**given: Any) -> Any:
            self._life.spend()
            return call(**given)

        return written


def dying(settings: Settings, left: int) -> Services:
    """A process that dies after so many writes."""
    services, life = Services(settings), _Life(left)
    services.table._client = _Mortal(services.table._client, life)
    services.objects.__dict__["_client"] = _Mortal(services.objects._client, life)
    return services
