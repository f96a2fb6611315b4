"""A whole Lambent in one process: the engine or another endpoint, the pump, the clock and the server."""

import json
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.core.clock import now_ms
from chalicelib.core.settings import Settings
from chalicelib.events.log import NOUN
from chalicelib.local import credentials
from chalicelib.local.clock import Clock
from chalicelib.local.credentials import Credentials
from chalicelib.local.pump import Pump
from chalicelib.local.surroundings import check_settings
from chalicelib.observability import logger
from chalicelib.runs import entry
from chalicelib.runs.worker import NO_LIMIT_MS
from chalicelib.schedules.due import next_moment
from chalicelib.storage.keys import SEPARATOR
from chalicelib.wiring import Services

if TYPE_CHECKING:
    from chalicelib.local.engine import Engine

STACK = "lambent"
TEMPLATE = Path(__file__).resolve().parents[2] / "infra" / "data.json"
SESSION = f"{SEPARATOR}{NOUN}{SEPARATOR}"
_CLOCK_SECONDS = 10.0
_LOOK_SECONDS = 1.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
_RUN_WORKERS = 64
_DEAD_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. ``state_dir`` None keeps nothing. With an AWS endpoint in the environment that one is used."""

    host: str = "127.0.0.1"
    port: int = 8000
    state_dir: Path | None = None
    workers: bool = True
    serves: bool = True


@dataclass(frozen=True, slots=True)
class Started:
    """What a caller needs to know of a server that answers."""

    url: str
    credentials: Credentials


Told = Callable[[str, bool], None]
"""A sentence on how commands are isolated, and whether they are; called from a thread of its own."""


def _log(sentence: str, isolated: bool) -> None:
    logger("sandbox").log(logging.INFO if isolated else logging.WARNING, "%s", sentence)


def _probe(services: Services, told: Told) -> None:
    """Find out how commands are isolated: the first sandbox then need not wait for it."""
    from chalicelib.sandbox.hosts.choose import describe_host

    told(*describe_host(services.sandbox_settings))


class Runtime:
    """Starts the parts in order and stops them again."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._engine: Engine | None = None
        self._running: list[Pump | Clock] = []
        self._parts: Services | None = None
        self.stop = threading.Event()

    def run(self, ready: Callable[[Started], None], told: "Told | None" = None) -> None:
        """Serve until stopped; ``ready`` is called once requests are answered. Soon after, ``told`` (the log without
        one) hears how commands are isolated here.

        Raises what the engine and the server raise when they cannot start, and ValueError for an unusable setting.
        """
        check_settings(os.environ)
        logger()  # loggers of modules write as it does, from here on
        keys = credentials.load(self._options.state_dir)
        services = self._parts = self._services(keys)
        probe = threading.Thread(target=_probe, args=(services, told or _log), name="sandbox-probe", daemon=True)
        keys = self._first_tenant(services, keys)
        if self._options.workers:
            self._start_workers(services)
        try:
            if self._options.serves:
                self._serve(services, keys, ready, probe)
            else:
                ready(Started("", keys))
                probe.start()
                self.stop.wait()
        finally:
            self.close()

    def close(self) -> None:
        """Stop what was started."""
        for part in self._running:
            part.stop()
        if self._parts is not None:
            self._parts.close()
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _services(self, keys: Credentials) -> Services:
        outputs = self._resources()
        given = Settings.from_env(os.environ)
        settings = replace(
            given,
            table=outputs["Table"],
            bucket=outputs["Bucket"],
            queue_url=outputs["QueueUrl"],
            dead_letter_url=outputs["DlqUrl"],
            root_key_sha256=keys.root_key_sha256,
            root_secret=given.root_secret or ("" if given.kms_key else keys.root_secret),
        )
        services = Services(settings)
        if self._engine is not None:
            services.alone_since = now_ms()
            services.holds_bucket = True
            services.hub.attach()
            self._engine.subscribe(services.hub.notify)
            if self._options.workers:
                self._engine.subscribe(_WarmUp(services).on_write)
        return services

    def _resources(self) -> dict[str, str]:
        template = json.loads(TEMPLATE.read_text())
        if os.environ.get("AWS_ENDPOINT_URL"):
            return _deployed(template)
        from chalicelib.local.engine import Engine

        self._engine = Engine.start(self._options.state_dir)
        return self._engine.deploy(template, STACK, {})

    def _first_tenant(self, services: Services, keys: Credentials) -> Credentials:
        if keys.api_key and services.keys.authenticate(keys.api_key) is not None:
            return keys
        tenant, minted = services.tenants.create("Laptop")
        keys = replace(keys, api_key=minted.secret, tenant=tenant.id)
        credentials.save(self._options.state_dir, keys)
        return keys

    def _start_workers(self, services: Services) -> None:
        client = services.doorbells.client

        def handle(body: str, receipt: str) -> None:
            entry.ring(body, receipt=receipt, remaining_ms=lambda: NO_LIMIT_MS, parts=services)

        def bury(body: str, _receipt: str) -> None:
            entry.dead_letter(body, services)

        settings = services.settings
        hidden = settings.lease_seconds + settings.heartbeat_seconds
        self._running = [
            Pump(client, settings.queue_url, handle, workers=_RUN_WORKERS, hidden_seconds=hidden, name="run"),
            Pump(client, settings.dead_letter_url, bury, workers=_DEAD_WORKERS, hidden_seconds=hidden, name="dead"),
            self._clock(services),
        ]
        for part in self._running:
            part.start()
        entry.tick(services, everything=self._engine is not None)

    def _clock(self, services: Services) -> Clock:
        """A clock that wakes for timers too: told of changes by the engine, or looking again and again without one."""
        clock = Clock(lambda: entry.tick(services), _CLOCK_SECONDS)
        look = None if self._engine is not None else _LOOK_SECONDS
        clock.watch(lambda: next_moment(services.table), lambda: entry.tick_timers(services), look)
        if self._engine is not None:
            timers = services.timers
            self._engine.subscribe(lambda pk: clock.look() if timers.concerns(pk) else None)
        return clock

    def _serve(
        self, services: Services, keys: Credentials, ready: Callable[[Started], None], probe: threading.Thread
    ) -> None:
        from chalicelib.http.app import create_app
        from chalicelib.http.server import serve

        host = self._options.host

        def listening(port: int) -> None:
            ready(Started(reached_at(host, port), keys))
            probe.start()

        serve(create_app(services), host, self._options.port, ready=listening, stop=self.stop)


def reached_at(host: str, port: int) -> str:
    """The URL under which this machine reaches a server that listens at an address."""
    near = _EVERYWHERE.get(host, host)
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


class _WarmUp:
    """Imports the model's SDK when the first session is written: it takes seconds, and a message will follow."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._done = threading.Lock()

    def on_write(self, pk: str) -> None:
        """Called with the partition of every write."""
        if SESSION in pk and self._done.acquire(blocking=False):
            self._services.models.warm_up()


def _deployed(template: dict[str, Any]) -> dict[str, str]:
    """The outputs of the stack at the configured endpoint, which is created if it is not there."""
    import boto3
    from botocore.exceptions import ClientError

    client = boto3.client("cloudformation", region_name=os.environ.get("AWS_REGION", "us-east-1"))
    try:
        client.create_stack(StackName=STACK, TemplateBody=json.dumps(template))
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
    client.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    stack = client.describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
