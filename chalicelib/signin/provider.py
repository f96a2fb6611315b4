"""Talks to an OpenID provider: sends people there, and learns who came back."""

import threading
from urllib.parse import urlencode

from pydantic import Field, ValidationError

from chalicelib.core.schema import Schema
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.exchange import OutboundAnswer
from chalicelib.outbound.guard import Outbound
from chalicelib.signin.addresses import is_address
from chalicelib.signin.errors import PersonRefused, ProviderFailed, SignInRefused
from chalicelib.signin.model import Profile
from chalicelib.signin.settings import SignInSettings
from chalicelib.signin.tickets import Ticket
from chalicelib.vaults import token_endpoint
from chalicelib.vaults.errors import TokenEndpointUnreachable, TokenRefused

_SCOPE = "openid email profile"
_SECONDS = 15.0
_MAX_BYTES = 64 * 1024
_LONGEST_NAME = 256
_FAULT = 500


class _Told(Schema):
    sub: str = Field(min_length=1, max_length=255)
    email: str = ""
    email_verified: bool = False
    name: str | None = None


class Provider:
    """The provider the operator chose."""

    def __init__(self, settings: SignInSettings, outbound: Outbound) -> None:
        self._settings = settings
        self._outbound = outbound

    def question(self, ticket: Ticket, callback: str) -> str:
        """The address where a person proves who they are."""
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": callback,
            "scope": _SCOPE,
            "state": ticket.state,
            "code_challenge": ticket.challenge,
            "code_challenge_method": "S256",
        }
        url = self._settings.authorize_url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"

    def person(self, ticket: Ticket, callback: str, code: str) -> Profile:
        """Who the code was given to. Raises SignInRefused, PersonRefused, ProviderFailed."""
        answer = self._userinfo(self._token(ticket, callback, code))
        try:
            told = _Told.model_validate_json(answer.body)
        except ValidationError:
            raise ProviderFailed("the sign-in provider does not tell who you are") from None
        email = told.email.strip()
        if not told.email_verified or not is_address(email):
            raise PersonRefused("your e-mail address is not verified by the provider", code="email_not_verified")
        name = " ".join((told.name or "").split())[:_LONGEST_NAME]
        return Profile(told.sub, email, name or email)

    def _token(self, ticket: Ticket, callback: str, code: str) -> str:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": ticket.verifier,
        }
        client = token_endpoint.Client(self._settings.client_id, self._settings.client_secret, "client_secret_post")
        try:
            return token_endpoint.ask(self._outbound, self._settings.token_url, client, fields).access_token
        except TokenEndpointUnreachable:
            raise ProviderFailed("the sign-in provider does not answer") from None
        except TokenRefused as error:
            if error.answered >= _FAULT:
                raise ProviderFailed("the sign-in provider failed") from None
            raise SignInRefused("code: the provider does not accept it", field="code", code="code_refused") from None

    def _userinfo(self, token: str) -> OutboundAnswer:
        try:
            answer = self._outbound.request(
                "GET",
                self._settings.userinfo_url,
                headers={"accept": "application/json", "authorization": f"Bearer {token}"},
                body=None,
                timeout_s=_SECONDS,
                max_bytes=_MAX_BYTES,
                cancelled=threading.Event(),
                follow=0,
            )
        except OutboundError:
            raise ProviderFailed("the sign-in provider does not answer") from None
        if answer.status != 200 or answer.truncated:
            raise ProviderFailed("the sign-in provider does not tell who you are")
        return answer
