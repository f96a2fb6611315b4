"""Short ways to call through the guard."""

import threading
from ipaddress import ip_address
from typing import Any

from chalicelib.outbound.exchange import OutboundAnswer
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.ip_literal import IpAddress

LOCAL = ("127.0.0.1",)


def call(outbound: Outbound, url: str, method: str = "GET", **overrides: Any) -> OutboundAnswer:
    """A call with the settings most tests want."""
    settings: dict[str, Any] = {
        "headers": {},
        "body": None,
        "timeout_s": 5.0,
        "max_bytes": 100_000,
        "cancelled": threading.Event(),
    }
    return outbound.request(method, url, **(settings | overrides))


class Names:
    """A name server in a dictionary; each look-up takes the name's next answer and keeps the last."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[IpAddress]:
        self.asked.append(host)
        lists = self._answers.get(host)
        if lists is None:
            raise OSError("unknown name")
        return [ip_address(text) for text in (lists.pop(0) if len(lists) > 1 else lists[0])]
