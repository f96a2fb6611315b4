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
        self._tokens: dict[str, Json] = {}
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

    def answer(self, operation: str, asked: Json) -> tuple[int, Json]:
        """Status and body of a call. Raises Refused."""
        with self._lock:
            self.calls.append((operation, asked))
            if faults := self._faults.get(operation):
                raise faults.pop(0)
        try:
            return getattr(self, f"_{operation}")(asked)
        except WrongState as error:
            raise Refused(409, "ConflictException", str(error)) from error

    def _run(self, asked: Json) -> tuple[int, Json]:
        _check_run(asked)
        with self._lock:
            token = asked.get("clientToken")
            if token and token in self._tokens:
                return 200, self._tokens[token]
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
                self._tokens[token] = told
            return 200, told

    def _get(self, asked: Json) -> tuple[int, Json]:
        return 200, self._machine(asked).describe()

    def _list(self, asked: Json) -> tuple[int, Json]:
        size, first = int(asked.get("maxResults") or 50), int(asked.get("nextToken") or 0)
        if not 1 <= size <= 50:
            raise Refused(400, "ValidationException", "maxResults must be between 1 and 50")
        found = [one.describe() for one in self.machines.values()]
        found = [one for one in found if asked.get("imageIdentifier") in (None, one["imageArn"])]
        names = ("microvmId", "state", "imageArn", "imageVersion", "startedAt")
        items = [{name: one[name] for name in names} for one in found[first : first + size]]
        more = {"nextToken": str(first + size)} if first + size < len(found) else {}
        return 200, {"items": items, **more}

    def _suspend(self, asked: Json) -> tuple[int, Json]:
        self._machine(asked).suspend()
        return 200, {}

    def _resume(self, asked: Json) -> tuple[int, Json]:
        self._machine(asked).resume()
        return 200, {}

    def _terminate(self, asked: Json) -> tuple[int, Json]:
        self._machine(asked).terminate("Terminated by request")
        return 200, {}

    def _token(self, asked: Json) -> tuple[int, Json]:
        machine = self._machine(asked)
        minutes, ports = asked.get("expirationInMinutes"), asked.get("allowedPorts")
        if not isinstance(minutes, int) or not 1 <= minutes <= 60 or not ports:
            raise Refused(400, "ValidationException", "expirationInMinutes must be 1 to 60, allowedPorts not empty")
        if machine.state not in ("PENDING", "RUNNING"):
            raise Refused(409, "ConflictException", f"The MicroVM is {machine.state}")
        return 200, {"authToken": {"X-aws-proxy-auth": self.signer.make(machine.id, ports, minutes * 60)}}

    def _create_image(self, asked: Json) -> tuple[int, Json]:
        image = Image(asked["name"], self.region)
        if image.arn in self.images:
            raise Refused(409, "ConflictException", "There is an image of this name")
        self.images[image.arn] = image
        return 201, self._built(image, asked)

    def _update_image(self, asked: Json) -> tuple[int, Json]:
        image = self._image(asked)
        if image.state.endswith("ING"):
            raise Refused(409, "ConflictException", f"The image is {image.state}")
        return 200, self._built(image, asked)

    def _list_images(self, asked: Json) -> tuple[int, Json]:
        found = [one.describe() for one in self.images.values() if asked.get("nameFilter", "") in one.name]
        return 200, {"items": found}

    def _get_image(self, asked: Json) -> tuple[int, Json]:
        return 200, self._image(asked).describe()

    def _get_image_version(self, asked: Json) -> tuple[int, Json]:
        image, version = self._image(asked), asked["imageVersion"]
        state = "FAILED" if version == image.failed else "SUCCESSFUL" if version in image.versions else "IN_PROGRESS"
        status = "ACTIVE" if state == "SUCCESSFUL" else "INACTIVE"
        told = {name: image.asked[name] for name in ("baseImageArn", "buildRoleArn", "codeArtifact")}
        told |= {"imageVersion": version, "state": state, "status": status, "stateReason": image.reason or None}
        return 200, {**image.describe(), **told}

    def _built(self, image: Image, asked: Json) -> Json:
        for name in ("baseImageArn", "buildRoleArn", "codeArtifact"):
            if not asked.get(name):
                raise Refused(400, "ValidationException", f"{name} is missing")
        if asked["baseImageArn"] != _BASE.replace("us-east-1", self.region):
            raise Refused(404, "ResourceNotFoundException", "There is no such base image")
        version = image.build(asked, self.read, self._directory)
        told = {name: asked[name] for name in ("baseImageArn", "buildRoleArn", "codeArtifact")}
        return {**image.describe(), **told, "imageVersion": version}

    def _image(self, asked: Json) -> Image:
        wanted = asked["imageIdentifier"]
        found = self.images.get(wanted) or next((i for i in self.images.values() if i.name == wanted), None)
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


def _check_run(asked: Json) -> None:
    problems = []
    if not asked.get("imageIdentifier"):
        problems.append("imageIdentifier is missing")
    if not 1 <= asked.get("maximumDurationInSeconds", 28_800) <= 28_800:
        problems.append("maximumDurationInSeconds must be 1 to 28800")
    if len(asked.get("runHookPayload", "")) > 4096:
        problems.append("runHookPayload is longer than 4096")
    if len(asked.get("logging", {"disabled": {}})) != 1:
        problems.append("logging must say exactly one thing")
    if (policy := asked.get("idlePolicy")) is not None:
        names = {"maxIdleDurationSeconds", "suspendedDurationSeconds", "autoResumeEnabled"}
        if set(policy) != names or policy["maxIdleDurationSeconds"] < 60 or policy["suspendedDurationSeconds"] < 0:
            problems.append("idlePolicy is not complete, or maxIdleDurationSeconds is below 60")
    for name in ("ingressNetworkConnectors", "egressNetworkConnectors"):
        listed = asked.get(name, [])
        if len(listed) > 10 or not all(one.startswith("arn:") for one in listed):
            problems.append("Malformed network connector ARN")
    if problems:
        raise Refused(400, "ValidationException", "; ".join(problems))
