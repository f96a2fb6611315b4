"""User profiles through the official client, both its general and its beta namespace: made, read, changed, listed in
every order, removed; external ids are unique; and the link on which a user enrols."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.support.api import Api
from tests.support.receiver import Receiver
from tests.support.server import Server


@pytest.fixture(params=["general", "beta"])
def profiles(request: pytest.FixtureRequest, client: Anthropic) -> Any:
    """One of the two namespaces."""
    return client.user_profiles if request.param == "general" else client.beta.user_profiles


def test_a_profile_is_made_read_changed_and_removed(profiles: Any) -> None:
    details = {"reference_id": "user-1", "country": "DE", "onboarded_at": "2026-01-02T03:04:05Z"}
    made = profiles.create(name="Ada", metadata={"plan": "pro"}, external_user_details=details)
    assert (made.type, made.name, made.metadata, made.access_type) == (
        "user_profile",
        "Ada",
        {"plan": "pro"},
        "application",
    )
    assert made.id.startswith("uprof_")
    assert made.external_user_details.reference_id == "user-1"
    assert made.external_user_details.onboarded_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert made.external_user_details.email_hash is None
    assert profiles.retrieve(made.id) == made
    changed = profiles.update(
        made.id, name="Grace", metadata={"plan": "", "tier": "2"}, external_user_details={"account_status": "active"}
    )
    assert (changed.name, changed.metadata) == ("Grace", {"tier": "2"})
    assert changed.external_user_details.country == "DE"
    assert changed.external_user_details.account_status == "active"
    assert changed.updated_at >= changed.created_at == made.created_at
    gone = profiles.delete(made.id)
    assert (gone.id, gone.type) == (made.id, "user_profile_deleted")
    with pytest.raises(anthropic.NotFoundError):
        profiles.retrieve(made.id)
    with pytest.raises(anthropic.NotFoundError):
        profiles.delete(made.id)


def test_both_namespaces_show_the_same_profile(client: Anthropic) -> None:
    made = client.beta.user_profiles.create(external_id="u-7", external_user_onboarded_at="2026-01-02T03:04:05+01:00")
    assert (made.external_id, made.trust_grants) == ("u-7", {})
    seen = client.user_profiles.retrieve(made.id)
    assert seen.external_user_details.reference_id == "u-7"
    assert (seen.enforcement_status, seen.enforcement_actions) == ("unrestricted", [])
    assert seen.programs.cyber is None
    again = client.beta.user_profiles.retrieve(made.id)
    assert again.external_user_onboarded_at == seen.external_user_details.onboarded_at


def test_an_external_id_belongs_to_one_profile(client: Anthropic) -> None:
    profiles = client.beta.user_profiles
    first = profiles.create(external_id="same")
    with pytest.raises(anthropic.ConflictError):
        profiles.create(external_id="same")
    other = profiles.create(external_id="other")
    with pytest.raises(anthropic.ConflictError):
        profiles.update(other.id, external_id="same")
    assert profiles.retrieve(other.id).external_id == "other"
    profiles.update(first.id, external_id=None)
    assert profiles.update(other.id, external_id="same").external_id == "same"
    profiles.delete(other.id)
    assert profiles.create(external_id="same").external_id == "same"


def test_profiles_are_listed_by_creation_and_by_name(profiles: Any) -> None:
    names = ["bob", None, "Alice", "carol", None, "Bob"]
    made = [profiles.create(name=name) if name else profiles.create() for name in names]
    ids = [one.id for one in made]
    everything = {"limit": 2}
    assert [one.id for one in profiles.list(**everything)] == ids[::-1]
    assert [one.id for one in profiles.list(order="asc", **everything)] == ids
    ascending = [one.name for one in profiles.list(order_by="name", order="asc", **everything)]
    assert [name and name.lower() for name in ascending] == ["alice", "bob", "bob", "carol", None, None]
    descending = [one.name for one in profiles.list(order_by="name", **everything)]
    assert [name and name.lower() for name in descending] == ["carol", "bob", "bob", "alice", None, None]
    profiles.update(made[1].id, name="Zed")
    profiles.update(made[2].id, name="yan")
    profiles.delete(made[3].id)
    ascending = [one.name for one in profiles.list(order_by="name", order="asc", **everything)]
    assert [name and name.lower() for name in ascending] == ["bob", "bob", "yan", "zed", None]


def test_profiles_are_listed_by_enforcement(client: Anthropic) -> None:
    made = client.user_profiles.create(name="Ada")
    assert [one.id for one in client.user_profiles.list(enforcement_status=["unrestricted", "banned"])] == [made.id]
    assert list(client.user_profiles.list(enforcement_status=["banned"])) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 256},
        {"access_type": "owner"},
        {"external_user_details": {"country": "de"}},
        {"external_user_details": {"email_hash": ""}},
        {"external_user_details": {"onboarded_at": "2026-01-02"}},
        {"external_user_details": {"onboarded_at": "2199-01-02T00:00:00Z"}},
        {"external_user_details": {"account_status": "gone"}},
        {"metadata": {"key": ""}},
        {"metadata": {str(number): "x" for number in range(17)}},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(client: Anthropic, fields: Any) -> None:
    with pytest.raises(anthropic.BadRequestError):
        client.user_profiles.create(**fields)


def test_stated_details_cannot_be_cleared(client: Anthropic) -> None:
    made = client.user_profiles.create(external_user_details={"country": "DE"})
    with pytest.raises(anthropic.BadRequestError):
        client.user_profiles.update(made.id, external_user_details={"country": None})
    assert client.user_profiles.update(made.id).external_user_details.country == "DE"


@pytest.fixture
def person(server: Server) -> Iterator[httpx2.Client]:
    """Somebody with a browser and no key."""
    with httpx2.Client(verify=False) as browser:
        yield browser


def test_a_user_enrols_on_the_page_behind_the_link(client: Anthropic, api: Api, person: httpx2.Client) -> None:
    with Receiver() as receiver:
        api.post("/v1/webhook_endpoints", url=receiver.url, events=["user_profile.*"])
        made = client.beta.user_profiles.create(name="<script>Ada</script>")
        link = client.user_profiles.action_urls.create(made.id, action={"type": "enroll_end_user"})
        assert link.type == "user_profile_action_url"
        assert link.expires_at > made.created_at
        page = person.get(link.url)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-store"
        assert "<script>" not in page.text
        assert client.beta.user_profiles.retrieve(made.id).trust_grants == {}
        done = person.post(link.url, content=b"", headers={"content-type": "application/x-www-form-urlencoded"})
        assert done.status_code == 200
        assert "enrolled" in done.text
        enrolled = client.beta.user_profiles.retrieve(made.id)
        assert enrolled.trust_grants["enrollment"].status == "active"
        assert enrolled.external_user_onboarded_at is not None
        assert person.post(link.url).status_code == 200
        assert client.beta.user_profiles.retrieve(made.id) == enrolled
        hit = receiver.wait_type("user_profile.program_status_updated")
        assert hit.body["data"]["id"] == made.id
        assert len(receiver.hits) == 1


def test_a_link_of_the_beta_namespace_works_too(client: Anthropic, person: httpx2.Client) -> None:
    stated = "2020-01-01T00:00:00Z"
    made = client.beta.user_profiles.create(external_user_onboarded_at=stated)
    link = client.beta.user_profiles.create_enrollment_url(made.id)
    assert link.type == "enrollment_url"
    assert person.post(link.url).status_code == 200
    after = client.beta.user_profiles.retrieve(made.id)
    assert after.trust_grants["enrollment"].status == "active"
    assert after.external_user_onboarded_at == made.external_user_onboarded_at


def test_a_link_that_was_altered_or_whose_profile_is_gone_leads_nowhere(
    client: Anthropic, person: httpx2.Client
) -> None:
    made = client.user_profiles.create(name="Ada")
    other = client.user_profiles.create(name="Grace")
    link = client.user_profiles.action_urls.create(made.id, action={"type": "enroll_end_user"}).url
    base, _, token = link.rpartition("/")
    tenant, profile, expires, mark = token.split(".")
    altered = [
        f"{tenant}.{other.id.removeprefix('uprof_')}.{expires}.{mark}",
        f"{tenant}.{profile}.{int(expires) + 1}.{mark}",
        f"{tenant}.{profile}.{expires}.{mark[:-2]}AA",
        f"{tenant}.{profile}.{expires}",
        f"{tenant}.{profile}.²³.{mark}",
        "x",
    ]
    for one in altered:
        assert person.get(f"{base}/{one}").status_code == 404, one
        assert person.post(f"{base}/{one}").status_code == 404, one
    client.user_profiles.delete(made.id)
    assert person.get(link).status_code == 404
    assert person.post(link).status_code == 404
    assert client.beta.user_profiles.retrieve(other.id).trust_grants == {}


def test_a_repeat_makes_one_profile_and_one_link(api: Api) -> None:
    keyed = {"Idempotency-Key": "one"}
    first = api.ok("POST", "/v1/user_profiles", {"name": "Ada"}, headers=keyed)
    assert api.ok("POST", "/v1/user_profiles", {"name": "Ada"}, headers=keyed) == first
    assert len(api.get("/v1/user_profiles")["data"]) == 1
    path = f"/v1/user_profiles/{first['id']}/enrollment_url"
    assert api.ok("POST", path, headers=keyed) == api.ok("POST", path, headers=keyed)
