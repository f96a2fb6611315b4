"""Signing in, staying signed in, signing out."""

from dataclasses import dataclass, field

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id
from chalicelib.core.principal import Principal
from chalicelib.observability import logger
from chalicelib.signin.addresses import AllowList, checked_path, destination
from chalicelib.signin.errors import (
    PersonRefused,
    ProviderUnknown,
    SignInNotConfigured,
    SignInRefused,
    UnknownState,
)
from chalicelib.signin.members import Memberships, renewed
from chalicelib.signin.model import SCOPES_OF, User
from chalicelib.signin.provider import Provider
from chalicelib.signin.sessions import WebSessions
from chalicelib.signin.settings import GOOGLE, SignInSettings
from chalicelib.signin.store import UserStore
from chalicelib.signin.tickets import Ticket, Tickets


@dataclass(frozen=True, slots=True)
class Return:
    """A browser that comes back. ``address`` is the server's own, ``callback`` the one the provider was given."""

    address: str
    callback: str
    cookie: str | None = field(repr=False)
    state: str = field(repr=False)
    code: str = field(repr=False)
    problem: str = ""
    before: str | None = field(default=None, repr=False)


class SignIn:
    """The whole of it for one provider."""

    def __init__(
        self,
        settings: SignInSettings,
        provider: Provider,
        tickets: Tickets,
        store: UserStore,
        memberships: Memberships,
        sessions: WebSessions,
    ) -> None:
        self.settings = settings
        self.memberships = memberships
        self._provider = provider
        self._tickets = tickets
        self._store = store
        self._sessions = sessions
        self._allow = AllowList(settings.allow)

    def demand(self, provider: str) -> None:
        """Raises ProviderUnknown."""
        if provider not in (GOOGLE, self.settings.provider):
            raise ProviderUnknown(provider)

    def _serves(self, provider: str) -> bool:
        return self.settings.configured and provider == self.settings.provider

    def begin(self, provider: str, callback: str, return_to: str | None) -> tuple[Ticket, str]:
        """A ticket for the browser and where it has to go.

        Raises ProviderUnknown, SignInNotConfigured, InvalidRequest for a ``return_to`` that is no path.
        """
        self.demand(provider)
        if not self._serves(provider):
            raise SignInNotConfigured
        ticket = self._tickets.issue(provider, checked_path(return_to))
        return ticket, self._provider.question(ticket, callback)

    def finish(self, provider: str, came: Return) -> tuple[str, str]:
        """The secret of a new session, and where the browser goes with it. A session it had before is ended.

        Raises ProviderUnknown, UnknownState, SignInRefused, PersonRefused, ProviderFailed.
        """
        self.demand(provider)
        if not self._serves(provider):
            raise UnknownState
        ticket = self._tickets.take(provider, came.cookie, came.state)
        if came.problem or not came.code:
            raise SignInRefused("the sign-in was not completed at the provider", code="sign_in_refused")
        user = self._user(provider, ticket, came)
        if came.before is not None:
            self._sessions.end(came.before)
        logger("signin").info("signed in", extra={"user": user.id})
        console = self.settings.console or f"{came.address}/"
        return self._sessions.begin(user), destination(console, checked_path(ticket.return_to))

    def _user(self, provider: str, ticket: Ticket, came: Return) -> User:
        person = self._provider.person(ticket, came.callback, came.code)
        if not self._allow.permits(person.email):
            raise PersonRefused("this e-mail address may not sign in here", code="email_not_allowed")
        user_id = derive_id("user", provider, person.subject)
        fresh = User(user_id, provider, person.subject, person.email, person.name, now_ms())
        user = renewed(self._store.find(user_id), fresh)
        if not self.memberships.welcome(user):
            raise PersonRefused("there is no tenant for you on this server", code="no_tenant")
        return user

    def authenticate(self, secret: str, tenant: str | None) -> Principal | None:
        """Who holds a session's secret, acting for a tenant (None: the first); None when nobody does.

        Raises NotAMember.
        """
        session = self._sessions.find(secret)
        if session is None or not self._allow.permits(session.email):
            return None
        membership, found = self.memberships.choose(session.user, tenant)
        scopes = SCOPES_OF[membership.role]
        return Principal(found.id, session.user, scopes, found.name, user=session.user)

    def end(self, secret: str) -> None:
        """Sign out."""
        self._sessions.end(secret)

    def user(self, user_id: str) -> User:
        """A user who is signed in. Raises PersonRefused when there is none such any more."""
        user = self._store.find(user_id)
        if user is None:
            raise PersonRefused("there is no such user any more")
        return user
