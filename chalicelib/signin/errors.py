"""What can go wrong while people sign in and with what they do then."""

from chalicelib.core.errors import Conflict, Forbidden, InvalidRequest, LambentError, NotFound, Overloaded


class ProviderUnknown(NotFound):
    """Nobody can sign in with a provider of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no sign-in provider {name!r}")


class SignInNotConfigured(Overloaded):
    """The operator has not set up the provider."""

    def __init__(self) -> None:
        super().__init__("sign-in is not configured on this server", code="sign_in_not_configured")


class UnknownState(InvalidRequest):
    """The state was not given to this browser, was used, or is too old."""

    def __init__(self) -> None:
        super().__init__("state: unknown, used or expired; sign in again", field="state", code="unknown_state")


class SignInRefused(InvalidRequest):
    """The provider did not let the person in, or did not take the code."""


class ProviderFailed(LambentError):
    """The provider did not answer, or not as a provider must."""

    status = 502
    kind = "outbound"


class PersonRefused(Forbidden):
    """The operator does not let this person in."""


class NotAMember(Forbidden):
    """The user does not belong to the tenant, or there is none such."""

    def __init__(self) -> None:
        super().__init__("you are not a member of this tenant", code="not_a_member")


class CookieNeeded(Forbidden):
    """Only who signed in with a browser may do this."""

    def __init__(self) -> None:
        super().__init__("only a person signed in with a browser may do this", code="sign_in_required")


class TenantsNotMade(Forbidden):
    """The operator makes the tenants here."""

    def __init__(self) -> None:
        super().__init__("only the operator makes tenants on this server", code="tenants_not_made")


class TooManyTenants(Conflict):
    """The user belongs to as many tenants as one may."""


class MemberNotFound(NotFound):
    """The user is not a member of the tenant."""
