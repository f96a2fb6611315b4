"""Who leaves a tenant leaves it whole, also where the server died on the way."""

import pytest

from chalicelib.signin.errors import MemberNotFound
from chalicelib.tenants.keys import KeyService
from tests.functional.signin.conftest import ADA, Site


class Killed(BaseException):
    """The process ends here."""


def dies(*_args: object) -> None:
    raise Killed


def test_a_removal_that_was_cut_off_is_finished_by_the_next(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = site.browser(ADA)
    members, keys = site.services.sign_in.memberships, site.services.keys
    me = browser.get("/v1/me")
    tenant, user = (
        f"{hexed[:8]}-{hexed[8:12]}-{hexed[12:16]}-{hexed[16:20]}-{hexed[20:]}"
        for hexed in (me["tenant"]["id"].removeprefix("tn_"), me["user"]["id"].removeprefix("user_"))
    )
    minted = members.mint_key(user, tenant, "CLI")
    with monkeypatch.context() as patch:
        patch.setattr(KeyService, "revoke_of", dies)
        with pytest.raises(Killed):
            members.remove(tenant, user)
    with pytest.raises(MemberNotFound):
        members.remove(tenant, user)
    assert keys.all(tenant) == []
    assert keys.authenticate(minted.secret) is None
