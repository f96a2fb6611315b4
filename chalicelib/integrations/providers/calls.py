"""JSON calls to a provider's API."""

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chalicelib.core.jsonio import dump_bytes, loads
from chalicelib.integrations.errors import ProviderAway, ProviderRefused, TokenRevoked
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.guard import Outbound

_SECONDS = 12.0
_MAX_BYTES = 8 << 20
_AGENT = "Lambent-Integrations/1"


class Calls:
    """Calls below the address of an API. Errors tell the provider's status and nothing of what was sent."""

    def __init__(self, outbound: Outbound, name: str) -> None:
        self._outbound = outbound
        self._name = name

    def json(self, method: str, url: str, body: Any = None, *, authorization: str = "", accept: str = "") -> Any:
        """Send JSON, or nothing, and read JSON. Raises ProviderAway, ProviderRefused, TokenRevoked."""
        headers = {"content-type": "application/json"} if body is not None else {}
        if authorization:
            headers["authorization"] = authorization
        raw = None if body is None else dump_bytes(body)
        return self._call(method, url, headers | {"accept": accept or "application/json"}, raw)

    def form(self, url: str, fields: Mapping[str, str]) -> Any:
        """Post a form and read JSON. Raises as ``json``."""
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        return self._call("POST", url, headers, urlencode(fields).encode())

    def _call(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
        try:
            answer = self._outbound.request(
                method,
                url,
                headers=headers | {"user-agent": _AGENT},
                body=body,
                timeout_s=_SECONDS,
                max_bytes=_MAX_BYTES,
                cancelled=threading.Event(),
                follow=0,
            )
        except OutboundError as error:
            raise ProviderAway(f"{self._name} could not be called: {error.message}") from error
        _judge(self._name, answer.status)
        try:
            return loads(answer.body) if answer.body else {}
        except ValueError:
            raise ProviderAway(f"{self._name} answered with something that is not JSON") from None


def _judge(name: str, status: int) -> None:
    if status < 300:
        return
    if status == 401:
        raise TokenRevoked(f"{name} does not accept the token")
    if status == 429 or status >= 500:
        raise ProviderAway(f"{name} answered {status}")
    raise ProviderRefused(f"{name} answered {status}", details={"status": status})
