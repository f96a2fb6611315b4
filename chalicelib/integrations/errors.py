"""What can go wrong with integrations."""

from chalicelib.core.errors import Conflict, InvalidRequest, LambentError, NotFound, Overloaded, Unauthenticated


class ProviderUnknown(NotFound):
    """There is no integration of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no integration {name!r}")


class NotConfigured(Overloaded):
    """The operator has set up no app at the provider."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the integration {name!r} is not configured on this server", code="integration_not_configured"
        )


class InstallationNotFound(NotFound):
    """No such installation of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such installation")


class PublicationNotFound(NotFound):
    """No such publication of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such publication")


class RuleNotFound(NotFound):
    """The publication has no such dispatch rule."""

    def __init__(self) -> None:
        super().__init__("no such dispatch rule")


class TooManyPublications(InvalidRequest):
    """The tenant has as many publications as it may have."""


class WrongState(Conflict):
    """The set-up of the publication is not at this step."""


class BadSetup(InvalidRequest):
    """What was given to set a publication up cannot be used."""


class StateUnknown(InvalidRequest):
    """A way back from a provider, or a set-up page, that nobody waits for any more."""

    def __init__(self) -> None:
        super().__init__("the link is not known, was used, or is too old; begin again")


class InstallRefused(InvalidRequest):
    """The provider did not give, or its answer does not prove, what an installation needs."""


class TakenElsewhere(Conflict):
    """Another tenant has connected this account of the provider."""


class BadSignature(Unauthenticated):
    """The message was not signed by the provider, or long ago."""

    def __init__(self) -> None:
        super().__init__("the signature is not valid")


class ProviderError(LambentError):
    """A call to a provider did not work. Messages hold nothing of what was sent."""

    status = 502
    kind = "outbound"


class ProviderAway(ProviderError):
    """The provider did not answer, or could not answer now; it may later."""


class ProviderRefused(ProviderError):
    """The provider will not do this."""


class TokenRevoked(ProviderError):
    """The provider does not accept our token any more."""
