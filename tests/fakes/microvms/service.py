"""All machines and images of the fake account, and what a test may do to them."""

import contextlib
import shutil
import tempfile
import threading
import time
from collections import Counter
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.fakes.microvms.images import ROOT, Image, Read
from tests.fakes.microvms.machine import Machine, Pace, WrongState
from tests.fakes.microvms.tokens import Signer
from tests.support.patience import PATIENCE

_BASE = "arn:aws:lambda:us-east-1:aws:microvm-image:al2023-1"
Json = dict[str, Any]


class Refused(Exception):
    """An error answer of the API."""

    def __init__(self, status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.headers = status, kind, message, headers or {}


class MicrovmsFake:
    """``read`` gives the bytes behind an ``s3://`` address, so that images are built of what was uploaded."""

    def __init__(self, *, pace: Pace | None = None, read: Read | None = None, region: str = "us-east-1") -> None:
        self.pace, self.read, self.region = pace or Pace(), read, region
        self.images: dict[str, Image] = {}
        self.machines: dict[str, Machine] = {}
        self.calls: list[tuple[str, Json]] = []
        self.signer = Signer()
        self.first_answers: list[int] = []
        """What the endpoints of machines to come answer first, in the place of what is behind them."""
        self._faults: dict[str, list[Refused]] = {}
        self._tokens: dict[Any, tuple[Json, Json]] = {}
        self._lock = threading.RLock()
        self._directory = Path(tempfile.mkdtemp(prefix="microvms-"))
        self._over = threading.Event()

    def __enter__(self) -> Self:
        from tests.fakes.microvms.api import handler_of

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        threading.Thread(target=self._clock, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        for machine in self.machines.values():
            with contextlib.suppress(OSError):
                machine.destroy()
        shutil.rmtree(self._directory, ignore_errors=True)

    def add_image(self, name: str, root: Path = ROOT) -> Image:
        """An image that is ready, whose machines run the code below ``root``."""
        image = Image(name, self.region, versions={"1.0": root})
        self.images[image.arn] = image
        return image

    def fail(self, operation: str, status: int, kind: str, *, times: int = 1, retry_after: int | None = None) -> None:
        """The next calls of an operation are answered with an error."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._faults.setdefault(operation, []).extend([Refused(status, kind, "as the test wants", headers)] * times)

    def throttle(self, operation: str, *, times: int = 1, retry_after: int | None = None) -> None:
        """The next calls of an operation come too fast."""
        self.fail(operation, 429, "ThrottlingException", times=times, retry_after=retry_after)

    def count(self, operation: str) -> int:
        """How often an operation was called."""
        return Counter(name for name, _ in self.calls)[operation]

    def answer(self, operation: str, asked: Json) -> Json:
        """The body of a call's answer. Raises Refused."""
        with self._lock:
            self.calls.append((operation, asked))
            if faults := self._faults.get(operation):
                raise faults.pop(0)
        try:
            found: Json = getattr(self, f"_{operation}")(asked)
            return found
        except WrongState as error:
            raise Refused(409, "ConflictException", str(error)) from error

    def _run(self, asked: Json) -> Json:
        _check_run(asked)
        with self._lock:
            token = asked.get("clientToken")
            if token in self._tokens:
                before, told = self._tokens[token]
                if before != asked:
                    raise Refused(409, "ConflictException", "The client token came with other parameters before")
                return told
            image = self._image(asked)
            version = asked.get("imageVersion") or max(image.versions, key=float, default="")
            if version not in image.versions:
                raise Refused(404, "ResourceNotFoundException", "There is no such active version")
            log = self._directory / f"{len(self.machines)}.log"
            root = image.versions[version]
            machine = Machine(asked, image.arn, version, root, self.pace, log, self.signer)
            machine.faults += self.first_answers
            self.machines[machine.id] = machine
            told = machine.describe()
            if token:
                self._tokens[token] = (asked, told)
            return told

    def _get(self, asked: Json) -> Json:
        return self._machine(asked).describe()

    def _list(self, asked: Json) -> Json:
        found = [one.describe() for one in self.machines.values()]
        found = [one for one in found if asked.get("imageIdentifier") in (None, one["imageArn"])]
        return _page(found, asked, ("microvmId", "state", "imageArn", "imageVersion", "startedAt"))

    def _suspend(self, asked: Json) -> Json:
        self._machine(asked).suspend()
        return {}

    def _resume(self, asked: Json) -> Json:
        self._machine(asked).resume()
        return {}

    def _terminate(self, asked: Json) -> Json:
        self._machine(asked).terminate("Terminated by request")
        return {}

    def _token(self, asked: Json) -> Json:
        machine = self._machine(asked)
        minutes, ports = asked["expirationInMinutes"], asked["allowedPorts"]
        if minutes > 60:
            raise Refused(400, "ValidationException", f"ExpirationMinutes {minutes} exceeded max allowed of 60.")
        if machine.state not in ("PENDING", "RUNNING"):
            raise Refused(409, "ConflictException", f"The MicroVM is {machine.state}")
        return {"authToken": {"X-aws-proxy-auth": self.signer.make(machine.id, ports, minutes * 60)}}

    def _create_image(self, asked: Json) -> Json:
        image = Image(asked["name"], self.region)
        if image.arn in self.images:
            raise Refused(409, "ConflictException", "There is an image of this name")
        self.images[image.arn] = image
        return self._built(image, asked)

    def _update_image(self, asked: Json) -> Json:
        image = self._image(asked)
        if image.state.endswith("ING"):
            raise Refused(409, "ConflictException", f"The image is {image.state}")
        return self._built(image, asked)

    def _list_images(self, asked: Json) -> Json:
        found = [one.describe() for one in self.images.values() if asked.get("nameFilter", "") in one.name]
        return _page(found, asked, ("imageArn", "name", "state", "createdAt"))

    def _get_image(self, asked: Json) -> Json:
        return self._image(asked).describe()

    def _get_image_version(self, asked: Json) -> Json:
        image, version = self._image(asked), asked["imageVersion"]
        return {**image.echo(), **image.told(version)}

    def _list_builds(self, asked: Json) -> Json:
        image, version = self._image(asked), asked["imageVersion"]
        return {"items": [image.build_told(version)]}

    def _built(self, image: Image, asked: Json) -> Json:
        if asked["baseImageArn"] != _BASE.replace("us-east-1", self.region):
            raise Refused(404, "ResourceNotFoundException", "There is no such base image")
        version = image.build(asked, self.read, self._directory)
        return {**image.describe(), **image.echo(), "imageVersion": version}

    def _image(self, asked: Json) -> Image:
        wanted = asked["imageIdentifier"]
        if not wanted.startswith("arn:"):
            raise Refused(400, "ValidationException", "Invalid ARN format")
        found = self.images.get(wanted)
        if found is None:
            raise Refused(404, "ResourceNotFoundException", f"There is no image {wanted}")
        return found

    def _machine(self, asked: Json) -> Machine:
        found = self.machines.get(asked["microvmIdentifier"])
        if found is None or time.time() - found.started < self.pace.unseen:
            raise Refused(404, "ResourceNotFoundException", "There is no such MicroVM")
        return found

    def _clock(self) -> None:
        while not self._over.wait(0.05):
            for machine in list(self.machines.values()):
                machine.tick()

    def wait(self, identity: str, state: str, seconds: float = PATIENCE) -> None:
        """Until a machine is in a state; an AssertionError when it does not come."""
        until = time.monotonic() + seconds
        while self.machines[identity].state != state:
            assert time.monotonic() < until, f"{self.machines[identity].state}: {self.machines[identity].process.log()}"
            time.sleep(0.02)


def _page(found: list[Json], asked: Json, names: tuple[str, ...]) -> Json:
    size, first = asked.get("maxResults", 50), int(asked.get("nextToken") or 0)
    items = [{name: one[name] for name in names} for one in found[first : first + size]]
    return {"items": items, **({"nextToken": str(first + size)} if first + size < len(found) else {})}


def _check_run(asked: Json) -> None:
    """What the service refuses besides what its shapes say."""
    connectors = [*asked.get("ingressNetworkConnectors", ()), *asked.get("egressNetworkConnectors", ())]
    if not all(one.startswith("arn:") for one in connectors):
        raise Refused(400, "ValidationException", "Malformed network connector ARN")
