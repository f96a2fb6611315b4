"""What can go wrong with vaults and credentials. No message repeats what a client sent as a secret."""

from chalicelib.core.errors import Conflict, InvalidRequest, LambentError, NotFound


class VaultNotFound(NotFound):
    """No such vault of this tenant."""


class VaultArchived(InvalidRequest):
    """An archived vault takes no changes, no credentials and no new sessions."""

    def __init__(self, field: str | None = None) -> None:
        message = "the vault is archived"
        super().__init__(f"{field}: {message}" if field else message, field=field, code="vault_archived")


class CredentialNotFound(NotFound):
    """No such credential in this vault."""

    def __init__(self) -> None:
        super().__init__("no such credential")


class CredentialArchived(InvalidRequest):
    """An archived credential takes no changes."""

    def __init__(self) -> None:
        super().__init__("the credential is archived", code="credential_archived")


class CredentialKeyTaken(Conflict):
    """Another active credential of the vault is for the same server or variable."""


class CredentialKeyFixed(InvalidRequest):
    """What a credential is for cannot change."""


class TooManyCredentials(InvalidRequest):
    """The vault has as many active credentials as it can hold."""


class NotRenewable(InvalidRequest):
    """The credential has no refresh token, or is not one of OAuth."""


class RenewalFailed(LambentError):
    """The token endpoint gave no new tokens."""

    status = 502
    kind = "outbound"


class TokenEndpointUnreachable(RenewalFailed):
    """The token endpoint did not answer, or may not be called."""


class TokenRefused(RenewalFailed):
    """The token endpoint said no. ``body`` is the beginning of its answer without secrets."""

    def __init__(self, message: str, *, answered: int, content_type: str, body: str, truncated: bool) -> None:
        super().__init__(message)
        self.answered = answered
        self.content_type = content_type
        self.body = body
        self.truncated = truncated


def invalid(field: str, reason: str) -> InvalidRequest:
    """A refused field; the message begins with its path."""
    return InvalidRequest(f"{field}: {reason}", field=field)
