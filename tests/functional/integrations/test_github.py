"""Who may connect an account of GitHub, and when it counts as left."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.core.ids import new_id
from chalicelib.integrations.errors import InstallRefused, ProviderAway
from chalicelib.integrations.model import Installation
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.fakes.providers import FakeProviders

CALLBACK = "https://lambent.test/github/oauth/callback"
APP = "4711"


@dataclass
class Door:
    """A tenant before GitHub."""

    services: Services
    fake: FakeProviders
    space: Space

    def come_back(self, account: str) -> Installation:
        """A person comes back with an account that let the app in."""
        installs = self.services.integrations.installs
        state = parse_qs(urlsplit(installs.begin(self.space, "github", CALLBACK)).query)["state"][0]
        told = {"state": state, "code": self.fake.code(account), "installation_id": account}
        return installs.finish("github", told)

    def hear(self, action: str, account: str) -> None:
        """GitHub tells something about an installation."""
        message = {"action": action, "installation": {"id": int(account)}}
        sent = self.fake.signed("github", message, event="installation")
        self.services.integrations.inbound.of_operator("github", APP, sent.headers, sent.body)

    @property
    def installed(self) -> list[Installation]:
        """The tenant's installations."""
        return self.services.integrations.installs.all(self.space, "github")


@pytest.fixture
def door(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """The fake's app is the operator's."""
    with FakeProviders() as fake:
        for name, value in fake.env("github").items():
            monkeypatch.setenv(name, value)
        tenant, _ = services.tenants.create("Test")
        yield Door(services, fake, Space(tenant.id))


@pytest.mark.parametrize("standing", ["admin", "owner"])
def test_who_owns_an_account_connects_it(door: Door, standing: str) -> None:
    account = door.fake.account("github")
    door.fake.standing[account] = standing
    made = door.come_back(account)
    assert (made.external_id, made.name) == (account, f"acme-{account}")
    assert door.installed == [made]


@pytest.mark.parametrize("standing", ["member", "invited", "outsider", "reader", "unreadable"])
def test_who_merely_sees_an_installation_does_not_connect_it(door: Door, standing: str) -> None:
    account = door.fake.account("github")
    door.fake.standing[account] = standing
    with pytest.raises(InstallRefused, match="read the organization's members" if standing == "unreadable" else "own"):
        door.come_back(account)
    assert door.installed == []
    assert not any("access_tokens" in call for call in door.fake.calls)


@pytest.mark.parametrize("action", ["deleted", "suspend"])
def test_an_end_that_is_told_again_later_ends_nothing(door: Door, action: str) -> None:
    account = door.fake.account("github")
    door.come_back(account)
    door.hear(action, account)
    assert [one.active for one in door.installed] == [True]


def test_an_end_is_believed_when_github_confirms_it(door: Door) -> None:
    gone, suspended = door.fake.account("github"), door.fake.account("github")
    for account in (gone, suspended):
        door.come_back(account)
    door.fake.accounts["github"].discard(gone)
    door.fake.suspended.add(suspended)
    door.hear("deleted", gone)
    door.hear("suspend", suspended)
    assert [one.active for one in door.installed] == [False, False]


def test_an_end_that_cannot_be_confirmed_now_is_asked_about_when_it_is_told_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = door.fake.account("github")
    door.come_back(account)
    door.fake.accounts["github"].discard(account)
    message = {"action": "deleted", "installation": {"id": int(account)}}
    sent = door.fake.signed("github", message, event="installation", delivery=new_id())
    inbound = door.services.integrations.inbound
    with monkeypatch.context() as patch:
        github = door.services.integrations.apps.provider("github")
        patch.setattr(github, "_site", replace(github._site, api_url="http://127.0.0.1:9"))  # type: ignore[attr-defined]
        with pytest.raises(ProviderAway):
            inbound.of_operator("github", APP, sent.headers, sent.body)
    assert [one.active for one in door.installed] == [True]
    inbound.of_operator("github", APP, sent.headers, sent.body)
    assert [one.active for one in door.installed] == [False]
