"""Asking an OAuth token endpoint for tokens."""

import base64
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from pydantic import Field, ValidationError

from chalicelib.core.clock import now_ms
from chalicelib.core.schema import Schema
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.exchange import OutboundAnswer
from chalicelib.outbound.guard import Outbound
from chalicelib.vaults.errors import TokenEndpointUnreachable, TokenRefused
from chalicelib.vaults.model import ClientAuth

_SECONDS = 15.0
_MAX_BYTES = 64 * 1024
SHOWN = 2000
"""So many characters of a refusal are shown."""
_NO_WORD = 8
_TOKEN = re.compile(r'("(?:access_token|refresh_token|id_token|client_secret)"\s*:\s*")[^"]*')


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, and how the endpoint knows it."""

    id: str
    secret: str | None = field(default=None, repr=False)
    auth: ClientAuth = "none"


class Tokens(Schema):
    """What the endpoint gave; ``expires_in`` in seconds."""

    access_token: str = Field(min_length=1, max_length=32_768, pattern=r"^[\x21-\x7e]+$", repr=False)
    refresh_token: str | None = Field(default=None, max_length=32_768, pattern=r"^[\x20-\x7e]+$", repr=False)
    expires_in: int | None = Field(default=None, ge=0, le=10**9)

    @property
    def expires_at(self) -> int | None:
        """When the access token ends, in milliseconds."""
        return None if self.expires_in is None else now_ms() + self.expires_in * 1000


def ask(outbound: Outbound, url: str, client: Client, fields: Mapping[str, str | None]) -> Tokens:
    """Tokens for a grant; fields that are None are not sent. Raises TokenRefused, TokenEndpointUnreachable."""
    form = {name: value for name, value in fields.items() if value}
    headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
    if client.auth == "client_secret_basic":
        pair = f"{quote(client.id, safe='')}:{quote(client.secret or '', safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = client.id
    if client.auth == "client_secret_post" and client.secret:
        form["client_secret"] = client.secret
    try:
        answer = outbound.request(
            "POST",
            url,
            headers=headers,
            body=urlencode(form).encode(),
            timeout_s=_SECONDS,
            max_bytes=_MAX_BYTES,
            cancelled=threading.Event(),
            follow=0,
            confidential=True,
        )
    except OutboundError as error:
        raise TokenEndpointUnreachable(f"the token endpoint could not be called: {error.message}") from error
    return _tokens(answer, [client.secret, *form.values()])


def _tokens(answer: OutboundAnswer, sent: Iterable[str | None]) -> Tokens:
    # Some answer 200 with an error inside.
    if answer.status == 200:
        with suppress(ValidationError):
            return Tokens.model_validate_json(answer.body)
    raise _refusal(answer, sent)


def _refusal(answer: OutboundAnswer, sent: Iterable[str | None]) -> TokenRefused:
    text = answer.body.decode(errors="replace")
    for secret in sent:
        if secret and len(secret) >= _NO_WORD:
            text = text.replace(secret, "[hidden]")
    return TokenRefused(
        f"the token endpoint answered {answer.status} without a token",
        answered=answer.status,
        content_type=answer.headers.get("content-type", ""),
        body=_TOKEN.sub(r"\1[hidden]", text)[:SHOWN],
        truncated=answer.truncated or len(text) > SHOWN,
    )
