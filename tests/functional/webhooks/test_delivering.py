"""Messages are as durable as the change they tell of; they are tried for a day, and nobody waits for somebody else."""

import threading

import pytest

from chalicelib.core.ids import dress, new_id
from chalicelib.storage.keys import Space
from chalicelib.vaults.draft import CredentialCreate, VaultCreate
from chalicelib.vaults.errors import TokenEndpointUnreachable
from chalicelib.webhooks.delivery_store import DeliveryStore
from chalicelib.webhooks.errors import DeliveryPending, EndpointDisabled
from chalicelib.wiring import Services
from tests.functional.webhooks.conftest import HOUR, MINUTE, Post
from tests.support.clock import Clock
from tests.support.receiver import Receiver

DAY = 24 * HOUR


def outbox_of(post: Post) -> list[object]:
    return list(post.services.table.walk(post.space.partition("webhook_outbox")))


def test_a_change_is_told_to_everybody_who_asked_for_it(post: Post, receiver: Receiver) -> None:
    every, vaults, agents = (
        post.endpoint(f"{receiver.url}/{path}", *events)
        for path, events in (("every", ("*",)), ("vaults", ("vault.*",)), ("agents", ("agent.created",)))
    )
    vault = post.happen()
    post.bells()
    assert receiver.types("/every") == receiver.types("/vaults") == ["vault.created"]
    assert receiver.types("/agents") == []
    (hit,) = receiver.of("/every")
    assert hit.body["data"]["id"] == f"vlt_{vault.replace('-', '')}"
    assert [one.state for one in post.deliveries(every)] == ["delivered"]
    assert post.deliveries(agents) == []
    assert {one.event_id for one in post.deliveries(every)} == {one.event_id for one in post.deliveries(vaults)}
    assert outbox_of(post) == []


def test_where_nobody_listens_nothing_is_written_and_nothing_rings(post: Post, receiver: Receiver) -> None:
    post.happen()
    post.endpoint(receiver.url, "agent.*")
    post.happen()
    assert post.bells() == 0
    assert outbox_of(post) == []


def test_a_tenant_hears_only_of_its_own(post: Post, receiver: Receiver) -> None:
    post.endpoint(receiver.url)
    post.services.vaults.create(Space(new_id()), VaultCreate(display_name="Theirs"))
    assert post.bells() == 0
    assert receiver.hits == []


def test_another_process_hears_of_an_endpoint_soon(post: Post, receiver: Receiver, other_process: Services) -> None:
    told, clock = other_process.vaults, Clock(other_process)
    told.create(post.space, VaultCreate(display_name="before"))
    post.endpoint(receiver.url)
    clock.pass_by(11)
    told.create(post.space, VaultCreate(display_name="after"))
    post.bells()
    assert receiver.types() == ["vault.created"]


def test_a_lost_doorbell_is_made_up_for_by_the_clock(post: Post, receiver: Receiver) -> None:
    post.endpoint(receiver.url)
    post.happen()
    assert post.silence() == 1
    post.tick()
    assert receiver.hits == []
    post.tick(pass_by=30_000)
    assert receiver.types() == ["vault.created"]


def test_a_lost_doorbell_of_an_endpoint_is_made_up_for_too(post: Post, receiver: Receiver) -> None:
    post.endpoint(receiver.url)
    post.happen()
    post.services.webhook_courier.share_out(post.space)
    assert post.silence() == 2
    post.tick(pass_by=30_000)
    assert receiver.types() == ["vault.created"]


def test_a_failing_receiver_gets_the_same_event_again_after_growing_pauses(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    receiver.statuses["/"] = [500, 429, 503]
    post.happen()
    post.bells()
    assert len(receiver.hits) == 1
    for early, later in ((3_000, 4_000), (22_000, 16_000), (90_000, 60_000)):
        count = len(receiver.hits)
        post.tick(pass_by=early)
        assert len(receiver.hits) == count, "too early"
        post.tick(pass_by=later)
        assert len(receiver.hits) == count + 1
    assert len({(hit.headers["webhook-id"], hit.text) for hit in receiver.hits}) == 1
    stamps = [int(hit.headers["webhook-timestamp"]) for hit in receiver.hits]
    assert stamps == sorted(set(stamps))
    (delivery,) = post.deliveries(endpoint)
    assert [(one.status, one.error) for one in delivery.attempts] == [
        (500, "status"),
        (429, "status"),
        (503, "status"),
        (200, None),
    ]
    assert delivery.state == "delivered"
    post.tick(pass_by=DAY)
    assert len(receiver.hits) == 4


def test_after_a_day_of_failures_a_delivery_is_given_up_and_can_be_redriven(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    receiver.usual = 500
    post.happen()
    post.bells()
    for _ in range(30):
        post.tick(pass_by=HOUR)
    (delivery,) = post.deliveries(endpoint)
    assert (delivery.state, delivery.reason) == ("failed", "given_up")
    tried = len(receiver.hits)
    assert 8 <= tried <= 15
    post.tick(pass_by=HOUR)
    assert len(receiver.hits) == tried
    receiver.usual = 204
    assert post.services.webhook_deliveries.redrive(post.space, endpoint.id, "2020-01-01T00:00:00Z") == (1, False)
    post.bells()
    assert len({hit.headers["webhook-id"] for hit in receiver.hits}) == 1
    assert [one.state for one in post.deliveries(endpoint)] == ["delivered"]
    assert post.services.webhook_deliveries.redrive(post.space, endpoint.id, "2020-01-01T00:00:00Z") == (0, False)


def test_redriving_begins_at_a_moment(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    receiver.usual = 500
    for number in range(3):
        post.happen(f"v{number}")
    post.bells()
    for _ in range(30):
        post.tick(pass_by=HOUR)
    assert {one.state for one in post.deliveries(endpoint)} == {"failed"}
    assert post.services.webhook_deliveries.redrive(post.space, endpoint.id, "2199-01-01T00:00:00Z") == (0, False)


def test_a_redirect_is_a_failure_and_is_not_followed(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    receiver.usual, receiver.headers = 302, {"location": f"{receiver.url}/elsewhere"}
    post.happen()
    post.bells()
    assert [hit.path for hit in receiver.hits] == ["/"]
    (delivery,) = post.deliveries(endpoint)
    assert [(one.status, one.error) for one in delivery.attempts] == [(302, "redirect")]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_acknowledges(post: Post, receiver: Receiver, status: int) -> None:
    endpoint = post.endpoint(receiver.url)
    receiver.usual, receiver.answer = status, b"" if status == 204 else b"x" * 100_000
    post.happen()
    post.bells()
    assert [one.state for one in post.deliveries(endpoint)] == ["delivered"]


def test_an_endpoint_nobody_answers_at_is_tried_again(post: Post) -> None:
    endpoint = post.endpoint("http://127.0.0.1:9/")
    post.happen()
    post.bells()
    (delivery,) = post.deliveries(endpoint)
    assert [(one.status, one.error) for one in delivery.attempts] == [(None, "unreachable")]
    assert delivery.state == "pending"


def test_a_crash_between_sending_and_marking_repeats_the_same_event(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = post.endpoint(receiver.url)
    post.happen()

    class Killed(BaseException):
        """The process ends here."""

    def die(*_: object, **__: object) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(DeliveryStore, "move", die)
        with pytest.raises(Killed):
            post.bells()
    post.tick(pass_by=30_000)
    assert len(receiver.hits) == 2
    assert len({hit.headers["webhook-id"] for hit in receiver.hits}) == 1
    assert [one.state for one in post.deliveries(endpoint)] == ["delivered"]


def test_a_crash_while_sharing_out_loses_and_doubles_nothing(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = post.endpoint(receiver.url)
    post.happen()
    parcel_kept = DeliveryStore.share

    def without_removal(self: DeliveryStore, space: Space, made: list[object], last: object = (), **more: bool) -> None:
        parcel_kept(self, space, made)  # type: ignore[arg-type]
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(DeliveryStore, "share", without_removal)
        with pytest.raises(InterruptedError):
            post.services.webhook_courier.share_out(post.space)
    assert len(outbox_of(post)) == 1
    post.tick(pass_by=30_000)
    assert outbox_of(post) == []
    assert receiver.types() == ["vault.created"]
    assert len(post.deliveries(endpoint)) == 1


def test_many_events_at_once_go_out_in_order_and_once(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    vault = post.happen()
    post.services.vaults.archive(post.space, vault)
    post.services.vaults.delete(post.space, vault)
    for number in range(30):
        post.happen(f"v{number}")
    post.bells()
    assert len(receiver.hits) == 33
    assert len({hit.headers["webhook-id"] for hit in receiver.hits}) == 33
    name = f"vlt_{vault.replace('-', '')}"
    assert [hit.type for hit in receiver.hits if hit.body["data"]["id"] == name] == [
        "vault.created",
        "vault.archived",
        "vault.deleted",
    ]
    assert {one.state for one in post.deliveries(endpoint)} == {"delivered"}


def test_a_slow_receiver_delays_no_other(post: Post, receiver: Receiver) -> None:
    slow, quick = post.endpoint(f"{receiver.url}/slow"), post.endpoint(f"{receiver.url}/quick")
    receiver.hold("/slow")
    post.happen()
    post.services.webhook_courier.share_out(post.space)
    work = [
        threading.Thread(
            target=post.services.webhook_courier.deliver, args=(post.space, one.id, lambda: 10**9), daemon=True
        )
        for one in (slow, quick)
    ]
    for one in work:
        one.start()
    work[1].join(10)
    assert [one.state for one in post.deliveries(quick)] == ["delivered"]
    assert [one.state for one in post.deliveries(slow)] == ["pending"]
    receiver.let_go("/slow")
    work[0].join(10)
    assert [one.state for one in post.deliveries(slow)] == ["delivered"]


def test_a_receiver_that_fails_is_left_alone_for_a_while(post: Post, receiver: Receiver) -> None:
    post.endpoint(receiver.url)
    receiver.usual = 500
    for number in range(5):
        post.happen(f"v{number}")
        post.bells()
    assert len(receiver.hits) == 1
    receiver.usual = 200
    for _ in range(3):
        post.tick(pass_by=10_000)
    assert len(receiver.hits) == 6


def test_an_endpoint_that_fails_for_days_is_disabled_and_its_deliveries_failed(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    receiver.usual = 500
    for day in range(4):
        post.happen(f"v{day}")
        for _ in range(4):
            post.tick(pass_by=6 * HOUR + MINUTE)
    now = post.read(endpoint)
    assert not now.enabled
    assert now.disabled_reason == "no delivery succeeded for 3 days"
    assert {one.state for one in post.deliveries(endpoint)} == {"failed"}
    heard = len(receiver.hits)
    post.happen("unheard")
    post.tick(pass_by=HOUR)
    assert len(receiver.hits) == heard
    with pytest.raises(EndpointDisabled):
        post.services.webhook_deliveries.test(post.space, endpoint.id)


def test_one_success_in_between_keeps_an_endpoint_enabled(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    for day in range(6):
        receiver.statuses["/"] = [500, 500]
        post.happen(f"v{day}")
        for _ in range(4):
            post.tick(pass_by=6 * HOUR + MINUTE)
    assert post.read(endpoint).enabled
    assert post.read(endpoint).failing_since is None


def test_a_delivery_under_way_is_not_sent_again_by_hand(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    receiver.usual = 500
    post.happen()
    post.bells()
    (delivery,) = post.deliveries(endpoint)
    with pytest.raises(DeliveryPending):
        post.services.webhook_deliveries.redeliver(post.space, endpoint.id, delivery.id)


def test_a_deleted_endpoint_leaves_nothing(post: Post, receiver: Receiver) -> None:
    endpoint = post.endpoint(receiver.url)
    post.happen()
    post.bells()
    post.services.webhook_endpoints.delete(post.space, endpoint.id)
    post.happen()
    post.tick(pass_by=30_000)
    assert len(receiver.hits) == 1
    assert list(post.services.table.walk(post.space.partition("webhook_queue", endpoint.id))) == []


def test_a_name_that_turned_inward_is_not_called(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = post.endpoint(receiver.url)
    monkeypatch.setattr(post.services.outbound, "_allowed", type(post.services.outbound._allowed)(()))
    post.happen()
    post.bells()
    (delivery,) = post.deliveries(endpoint)
    assert receiver.hits == []
    assert [one.error for one in delivery.attempts] == ["refused_address"]


def test_an_idle_clock_finds_nothing_to_do(post: Post, receiver: Receiver) -> None:
    post.endpoint(receiver.url)
    post.happen()
    post.bells()
    for _ in range(3):
        post.time.pass_by(HOUR)
        post.tick()
    assert post.silence() == 0
    assert len(receiver.hits) == 1


def test_a_token_that_cannot_be_renewed_is_told(post: Post, receiver: Receiver) -> None:
    post.endpoint(receiver.url, "vault_credential.refresh_failed")
    vault = post.happen()
    refresh = {"client_id": "app", "refresh_token": "r", "token_endpoint": "http://127.0.0.1:9/token"}
    auth = {"type": "mcp_oauth", "mcp_server_url": "https://a.example/mcp", "access_token": "t"}
    sent = {"auth": auth | {"refresh": refresh | {"token_endpoint_auth": {"type": "none"}}}}
    credential = post.services.credentials.create(post.space, vault, CredentialCreate.model_validate(sent))
    with pytest.raises(TokenEndpointUnreachable):
        post.services.refresher.refresh(post.space, credential)
    post.bells()
    (data,) = (hit.body["data"] for hit in receiver.hits)
    assert (data["id"], data["vault_id"]) == (dress("vcrd", credential.id), dress("vlt", vault))
