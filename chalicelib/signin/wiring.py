"""Puts the parts of signing in together."""

import os
from typing import TYPE_CHECKING

from chalicelib.signin.settings import SignInSettings

if TYPE_CHECKING:
    from chalicelib.signin.service import SignIn
    from chalicelib.wiring import Services


def sign_in(services: "Services", settings: SignInSettings | None = None) -> "SignIn":
    """The service of this process, from its environment unless settings are given."""
    from chalicelib.signin.members import Memberships
    from chalicelib.signin.provider import Provider
    from chalicelib.signin.service import SignIn
    from chalicelib.signin.sessions import WebSessions
    from chalicelib.signin.store import UserStore
    from chalicelib.signin.tickets import Tickets

    chosen = settings or SignInSettings.from_env(os.environ)
    store = UserStore(services.table)
    members = Memberships(store, services.tenant_register, services.keys, makes_tenants=chosen.makes_tenants)
    provider, tickets = Provider(chosen, services.outbound), Tickets(services.table, services.secrets)
    return SignIn(chosen, provider, tickets, store, members, WebSessions(services.table))
