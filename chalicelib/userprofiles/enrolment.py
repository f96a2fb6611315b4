"""Links that let a user enrol: signed, short-lived, and good for one profile."""

import base64
import hmac

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import undress
from chalicelib.storage.keys import Space
from chalicelib.storage.secrets import SecretBox
from chalicelib.tenants.register import TenantRegister
from chalicelib.userprofiles.errors import LinkNotValid, ProfileNotFound
from chalicelib.userprofiles.model import Profile
from chalicelib.userprofiles.service import ProfileService

LIFE_MS = 3600 * 1000
_PURPOSE = "user-profile-enrolment"
_PARTS = 4


class Enrolment:
    """Makes and honours links. Raises NoRootSecret where the server has no secret to sign with."""

    def __init__(self, profiles: ProfileService, box: SecretBox, tenants: TenantRegister) -> None:
        self._profiles = profiles
        self._box = box
        self._tenants = tenants

    def token(self, space: Space, profile_id: str, expires_at: int) -> str:
        """What the link says. Raises ProfileNotFound."""
        self._profiles.get(space, profile_id)
        names = (space.tenant.replace("-", ""), profile_id.replace("-", ""), str(expires_at))
        return ".".join((*names, self._mark(space.tenant, profile_id, expires_at)))

    def _mark(self, tenant: str, profile_id: str, expires_at: int) -> str:
        derived = self._box.derive(_PURPOSE, tenant, profile_id, str(expires_at))
        return base64.urlsafe_b64encode(derived).decode().rstrip("=")

    def profile(self, token: str) -> tuple[Space, Profile]:
        """The profile a link is for. Raises LinkNotValid."""
        parts = token.split(".")
        if len(parts) != _PARTS or not (parts[2].isascii() and parts[2].isdigit()):
            raise LinkNotValid
        tenant, profile_id, expires_at = undress("tn", parts[0]), undress("uprof", parts[1]), int(parts[2][:15])
        if tenant is None or profile_id is None or expires_at <= now_ms():
            raise LinkNotValid
        if not hmac.compare_digest(self._mark(tenant, profile_id, expires_at).encode(), parts[3].encode()):
            raise LinkNotValid
        served = self._tenants.recent(tenant)
        if served is None or not served.active:
            raise LinkNotValid
        try:
            return Space(tenant), self._profiles.get(Space(tenant), profile_id)
        except ProfileNotFound:
            raise LinkNotValid from None

    def enrol(self, token: str) -> Profile:
        """Enrol the user a link is for. Raises LinkNotValid."""
        space, profile = self.profile(token)
        try:
            return self._profiles.enrol(space, profile.id)
        except ProfileNotFound:
            raise LinkNotValid from None
