"""MicroVMs by boto3 against the API's stand-in, whose machines run the real box server with real boxes."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3
import httpx2
import pytest
from botocore.config import Config

from chalicelib.sandbox.client import GuestClient, GuestGone, GuestProblem
from chalicelib.sandbox.hosts.base import BoxSpec, Handle, SandboxRefused, SandboxUnavailable
from chalicelib.sandbox.hosts.microvm import MicrovmHost
from chalicelib.sandbox.settings import MicrovmSettings, SandboxSettings
from tests.fakes.microvms import MicrovmsFake, Pace

SPEC = BoxSpec("tenant", "sandbox", env={"COLOUR": "green"})


@pytest.fixture(scope="module")
def fake() -> Iterator[MicrovmsFake]:
    with MicrovmsFake() as running:
        running.add_image("sandbox")
        yield running


@contextmanager
def host_of(fake: MicrovmsFake, *, image: str = "", silence: float | None = None, **more: Any) -> Iterator[MicrovmHost]:
    """One process's host over the account."""
    client = boto3.client(
        "lambda-microvms",
        endpoint_url=fake.url,
        region_name=fake.region,
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    microvm = MicrovmSettings(image=image or next(iter(fake.images)), **{"start_seconds": 20, **more})
    settings = SandboxSettings(idle_seconds=60, microvm=microvm)
    host = MicrovmHost(lambda: client, settings, silence_seconds=silence)
    try:
        yield host
    finally:
        host.close()
        client.close()


@pytest.fixture(scope="module")
def host(fake: MicrovmsFake) -> Iterator[MicrovmHost]:
    with host_of(fake) as made:
        yield made


@pytest.fixture(scope="module")
def handle(host: MicrovmHost) -> Iterator[Handle]:
    """A computer that tests share; each leaves it running."""
    made = host.start(SPEC)
    yield made
    host.stop(made)


@contextmanager
def guest(host: MicrovmHost, handle: Handle) -> Iterator[GuestClient]:
    client = GuestClient(host.link(handle))
    yield client
    client.close()


def said(host: MicrovmHost, handle: Handle, command: str) -> str:
    """What a command in the box prints."""
    asked = {"command": command, "timeoutMs": 30_000}
    with guest(host, handle) as client:
        events = [message["event"] for message in client.events("/shells/main/run", asked)]
    (end,) = (event["end"] for event in events if "end" in event)
    return str(end["output"]).strip()


def test_a_start_leads_to_a_guest_with_the_environment_asked_for(host: MicrovmHost, handle: Handle) -> None:
    assert handle.host == "microvm"
    assert set(handle.data) == {"id", "endpoint"}
    json.dumps(handle.data)
    assert said(host, handle, "echo $COLOUR $PWD") == "green /workspace"
    assert host.condition(handle) == "running"


def test_what_runs_inside_is_not_the_machine_s_root(host: MicrovmHost, handle: Handle) -> None:
    assert said(host, handle, "id -u") != "0"
    assert said(host, handle, "grep -la 'box[.]server' /proc/[0-9]*/cmdline | wc -l") == "0"


def test_files_of_some_size_go_there_and_back(host: MicrovmHost, handle: Handle) -> None:
    raw = bytes(range(256)) * 20_000
    pieces = (raw[at : at + 100_000] for at in range(0, len(raw), 100_000))
    headers = {"content-type": "application/octet-stream"}
    with guest(host, handle) as client:
        with client.open("POST", "/files?path=big.bin", content=pieces, headers=headers) as answer:
            answer.read()
        with client.open("GET", "/files?path=big.bin") as answer:
            assert answer.read() == raw


def test_another_process_needs_the_handle_alone(fake: MicrovmsFake, handle: Handle) -> None:
    with host_of(fake) as other:
        copied = Handle(handle.host, json.loads(json.dumps(handle.data)))
        assert said(other, copied, "echo $COLOUR") == "green"


def test_credentials_that_end_are_replaced(fake: MicrovmsFake, host: MicrovmHost, handle: Handle) -> None:
    assert said(host, handle, "echo before") == "before"
    issued = fake.signer.issued
    fake.signer.expire_all()
    assert said(host, handle, "echo after") == "after"
    assert fake.signer.issued == issued + 1


def test_without_a_credential_nobody_comes_in(handle: Handle) -> None:
    assert httpx2.get(handle.data["endpoint"] + "/health", trust_env=False).status_code == 403


def test_frozen_and_thawed_it_goes_on_where_it_was(fake: MicrovmsFake, host: MicrovmHost, handle: Handle) -> None:
    said(host, handle, "cd /tmp && KEPT=yes")
    host.freeze(handle)
    assert host.condition(handle) == "frozen"
    host.freeze(handle)
    assert fake.machines[handle.data["id"]].state == "SUSPENDED"
    host.thaw(handle)
    host.thaw(handle)
    assert host.condition(handle) == "running"
    assert said(host, handle, "echo $KEPT $PWD") == "yes /tmp"


def test_what_is_told_late_does_not_wake_what_is_put_to_rest() -> None:
    with MicrovmsFake(pace=Pace(lag=0.6)) as fake:
        fake.add_image("sandbox")
        with host_of(fake) as host:
            handle = host.start(SPEC)
            said(host, handle, "true")
            host.freeze(handle)
            machine = fake.machines[handle.data["id"]]
            assert [state for _, state in machine.history] == ["PENDING", "RUNNING", "SUSPENDING", "SUSPENDED"]


def test_who_still_listens_does_not_wake_what_was_put_to_rest() -> None:
    with MicrovmsFake(pace=Pace(lag=0)) as fake:
        fake.add_image("sandbox")
        with host_of(fake, silence=0.1) as host, host_of(fake) as other:
            handle = host.start(SPEC)
            machine = fake.machines[handle.data["id"]]
            with guest(host, handle) as client, client.open("GET", "/metrics"):
                other.freeze(handle)
                asked = fake.count("get")
                while fake.count("get") < asked + 3:
                    time.sleep(0.02)
            assert machine.state == "SUSPENDED"


def test_what_a_request_woke_meanwhile_is_put_to_rest_again(fake: MicrovmsFake) -> None:
    with host_of(fake) as host:
        handle = host.start(SPEC)
        machine = fake.machines[handle.data["id"]]
        freezing = threading.Thread(target=host.freeze, args=(handle,))
        freezing.start()
        fake.wait(machine.id, "SUSPENDING")
        assert machine.traffic()
        freezing.join()
        assert machine.state == "SUSPENDED"
        host.stop(handle)


def test_what_the_guest_forbids_costs_no_credential(fake: MicrovmsFake, host: MicrovmHost, handle: Handle) -> None:
    issued = fake.signer.issued
    with guest(host, handle) as client, pytest.raises(GuestProblem) as told:
        client.call("/text/view", {"path": "../../etc/shadow"})
    assert told.value.guest_code == "permission_denied"
    assert fake.signer.issued == issued


def test_an_endpoint_that_fails_at_first_is_waited_for(fake: MicrovmsFake) -> None:
    fake.first_answers = [500, 503, 504, 429]
    try:
        with host_of(fake) as host:
            handle = host.start(SPEC)
            assert said(host, handle, "echo up") == "up"
            host.stop(handle)
    finally:
        fake.first_answers = []


def test_one_that_was_suspended_behind_our_back_wakes_for_a_request(fake: MicrovmsFake, handle: Handle) -> None:
    fake.machines[handle.data["id"]].suspend()
    fake.wait(handle.data["id"], "SUSPENDED")
    with host_of(fake) as other:
        assert said(other, handle, "echo awake") == "awake"


def test_an_order_that_comes_too_fast_is_given_again(fake: MicrovmsFake, host: MicrovmHost, handle: Handle) -> None:
    fake.throttle("get", times=2, retry_after=0)
    before = fake.count("get")
    assert host.condition(handle) == "running"
    assert fake.count("get") == before + 3


@pytest.mark.parametrize("kind", ["InternalServerException", "ServiceException"])
def test_what_fails_within_lambda_is_asked_again(fake: MicrovmsFake, kind: str) -> None:
    known = set(fake.machines)
    for operation in ("run", "token", "terminate"):
        fake.fail(operation, 500, kind)
    with host_of(fake) as host:
        host.stop(host.start(SPEC))
    (one,) = set(fake.machines) - known
    fake.wait(one, "TERMINATED")


def test_an_end_is_an_end(fake: MicrovmsFake) -> None:
    with host_of(fake) as host:
        handle = host.start(SPEC)
        link = host.link(handle)
        host.stop(handle)
        host.stop(handle)
        assert host.condition(handle) == "gone"
        fake.wait(handle.data["id"], "TERMINATED")
        assert fake.machines[handle.data["id"]].process.ended
        with closing(GuestClient(link)) as client, pytest.raises(GuestGone):
            client.call("/shells/main/run", {"command": "true"})
        host.freeze(handle)
        with pytest.raises(SandboxUnavailable):
            host.thaw(handle)
        with host_of(fake) as other:
            assert other.condition(handle) == "gone"


def test_a_stranger_is_gone(host: MicrovmHost) -> None:
    stranger = Handle("microvm", {"id": "microvm-none", "endpoint": "http://127.0.0.1:1"})
    assert host.condition(stranger) == "gone"
    host.freeze(stranger)
    host.stop(stranger)
    with pytest.raises(SandboxUnavailable):
        host.thaw(stranger)


@pytest.mark.parametrize("kind", ["ServiceQuotaExceededException", "InsufficientCapacityException"])
def test_when_lambda_has_none_to_give_it_may_have_later(fake: MicrovmsFake, host: MicrovmHost, kind: str) -> None:
    fake.fail("run", 402, kind)
    with pytest.raises(SandboxUnavailable):
        host.start(SPEC)


def test_what_lambda_never_gives_is_refused(fake: MicrovmsFake, host: MicrovmHost) -> None:
    fake.fail("run", 403, "AccessDeniedException")
    with pytest.raises(SandboxRefused):
        host.start(SPEC)
    unknown = "arn:aws:lambda:us-east-1:123456789012:microvm-image:none"
    with host_of(fake, image=unknown) as other, pytest.raises(SandboxRefused, match="no MicroVM image"):
        other.start(SPEC)


def test_a_start_that_fails_leaves_no_machine(fake: MicrovmsFake) -> None:
    known = set(fake.machines)
    fake.fail("token", 402, "ServiceQuotaExceededException")
    with host_of(fake) as host:
        with pytest.raises(SandboxUnavailable):
            host.start(SPEC)
        (left,) = set(fake.machines) - known
        fake.wait(left, "TERMINATED")


def test_what_is_asked_of_lambda(fake: MicrovmsFake, host: MicrovmHost, handle: Handle) -> None:
    asked = fake.machines[handle.data["id"]].asked
    assert asked["idlePolicy"] == {
        "maxIdleDurationSeconds": 60,
        "suspendedDurationSeconds": 28_800,
        "autoResumeEnabled": True,
    }
    assert asked["maximumDurationInSeconds"] == 28_800
    assert asked["logging"] == {"disabled": {}}
    assert "executionRoleArn" not in asked
    assert "runHookPayload" not in asked
    assert "green" not in json.dumps([call for name, call in fake.calls if name == "run"])


@pytest.mark.slow
def test_a_long_command_is_not_suspended_and_silence_is(fake: MicrovmsFake) -> None:
    with host_of(fake, silence=0.25) as host:
        handle = host.start(SPEC)
        machine = fake.machines[handle.data["id"]]
        said(host, handle, "true")
        machine.idle_seconds = 2.0
        assert said(host, handle, "sleep 4; echo slept") == "slept"
        assert [state for _, state in machine.history] == ["PENDING", "RUNNING"]
        fake.wait(machine.id, "SUSPENDED")
        machine.idle_seconds = None
        assert said(host, handle, "echo again") == "again"
        host.stop(handle)


def test_starts_at_once_do_not_meet(fake: MicrovmsFake) -> None:
    found, errors = {}, []
    with host_of(fake) as host:

        def one(number: int) -> None:
            try:
                handle = host.start(BoxSpec("tenant", f"s{number}", env={"N": str(number)}))
                found[number] = (handle, said(host, handle, "echo $N"))
            except Exception as error:  # noqa: BLE001 - shown below
                errors.append(error)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert {number: text for number, (_, text) in found.items()} == {0: "0", 1: "1", 2: "2"}
        began = time.monotonic()
        for handle, _ in found.values():
            host.stop(handle)
        assert time.monotonic() - began < 10
