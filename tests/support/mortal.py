"""Processes that die at a chosen write, or are refused a chosen call of storage."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.core.settings import Settings
from chalicelib.wiring import Services

_OF_TABLES = ("put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items")
_OF_BUCKETS = ("put_object", "upload_part", "complete_multipart_upload", "copy", "delete_object", "delete_objects")
_READS = ("get_item", "batch_get_item", "query", "get_object", "list_objects_v2", "head_object")


class Died(BaseException):
    """The process ends here."""


@dataclass
class Life:
    """How many writes a process has left."""

    left: int

    def spend(self) -> None:
        """One write."""
        if self.left == 0:
            raise Died
        self.left -= 1


class Mortal:
    """A client of storage whose process dies after so many writes."""

    def __init__(self, client: Any, life: Life) -> None:
        self._client, self._life = client, life

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in _OF_TABLES + _OF_BUCKETS:
            return call

        def written(*given: Any, **named: Any) -> Any:
            self._life.spend()
            return call(*given, **named)

        return written


class Refused:
    """A client of storage of whose calls one fails for good, whatever it is."""

    def __init__(self, client: Any, life: Life) -> None:
        self._client, self._life = client, life

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in _OF_TABLES + _OF_BUCKETS + _READS:
            return call

        def made(*given: Any, **named: Any) -> Any:
            self._life.left -= 1
            if self._life.left == -1:
                told = {"Error": {"Code": "InternalError", "Message": "We encountered an internal error."}}
                raise ClientError(told, name)
            return call(*given, **named)

        return made


def refused(settings: Settings, before: int) -> Services:
    """A process of whose calls of storage the one after so many fails."""
    services, life = Services(settings), Life(before)
    services.table._client = Refused(services.table._client, life)
    services.objects.__dict__["_client"] = Refused(services.objects._client, life)
    return services


def dying(settings: Settings, left: int) -> Services:
    """A process that dies after so many writes to table and bucket."""
    services, life = Services(settings), Life(left)
    services.table._client = Mortal(services.table._client, life)
    services.objects.__dict__["_client"] = Mortal(services.objects._client, life)
    return services
