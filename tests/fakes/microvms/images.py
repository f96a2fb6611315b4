"""Images: a directory a machine's program runs from, one for each version."""

import io
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.microvms.process import VmProcess

ROOT = Path(__file__).parents[3]
ACCOUNT = "123456789012"
Read = Callable[[str], bytes]


@dataclass
class Image:
    name: str
    region: str
    asked: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Path] = field(default_factory=dict)
    state: str = "CREATED"
    failed: str = ""
    reason: str = ""
    created: float = field(default_factory=time.time)
    began: float = 0.0
    before: str = "CREATING"
    lag: float = 0.1
    """So long the state of before is told after a build has begun."""

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:microvm-image:{self.name}"

    def describe(self) -> dict[str, Any]:
        late = time.time() - self.began < self.lag
        told = {"imageArn": self.arn, "name": self.name, "state": self.before if late else self.state}
        told |= {"createdAt": self.created, "updatedAt": time.time()}
        if self.versions:
            told["latestActiveImageVersion"] = max(self.versions, key=float)
        if self.failed:
            told["latestFailedImageVersion"] = self.failed
        return told

    def echo(self) -> dict[str, Any]:
        """What of the request comes back."""
        return {name: self.asked[name] for name in ("baseImageArn", "buildRoleArn", "codeArtifact")}

    def told(self, version: str) -> dict[str, Any]:
        """What is told of a version."""
        state = "FAILED" if version == self.failed else "SUCCESSFUL" if version in self.versions else "IN_PROGRESS"
        status = "ACTIVE" if state == "SUCCESSFUL" else "INACTIVE"
        told = {"imageArn": self.arn, "imageVersion": version, "state": state, "status": status}
        why = {"stateReason": "One or more builds failed"} if state == "FAILED" else {}
        return {**told, **why, "createdAt": self.created}

    def build_told(self, version: str) -> dict[str, Any]:
        """What is told of a version's only build."""
        machine = {"architecture": "ARM_64", "chipset": "GRAVITON", "chipsetGeneration": "4"}
        told = {"imageArn": self.arn, "imageVersion": version, "buildId": f"build-{version}", "createdAt": self.created}
        why = {"stateReason": self.reason} if version == self.failed else {}
        return {**told, **machine, "buildState": self.told(version)["state"], **why}

    def build(self, asked: dict[str, Any], read: Read | None, scratch: Path) -> str:
        """Begin a version and tell its name; the state tells how it went."""
        version = f"{len(self.versions) + bool(self.failed) + 1}.0"
        self.asked, self.began, self.before = asked, time.time(), self.state if self.versions else "CREATING"
        doing = "UPDATING" if self.versions else "CREATING"
        self.state = doing
        threading.Thread(target=self._build, args=(doing, version, read, scratch), daemon=True).start()
        return version

    def _build(self, doing: str, version: str, read: Read | None, scratch: Path) -> None:
        done = doing.replace("ING", "E")
        try:
            root = _unpacked(read, self.asked["codeArtifact"]["uri"], scratch) if read else ROOT
            self._validate(root)
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            self.failed, self.reason = version, str(error)
            self.state = f"{done}_FAILED"
            return
        self.versions[version] = root
        self.state = f"{done}D"

    def _validate(self, root: Path) -> None:
        """What the build does after the Dockerfile: start the program and ask its hooks."""
        enabled = self.asked.get("hooks", {}).get("microvmImageHooks", {})
        with tempfile.TemporaryDirectory() as scratch:
            trial = VmProcess(root, Path(scratch, "log"))
            try:
                for hook in ("ready", "validate"):
                    if enabled.get(hook) == "ENABLED":
                        status = trial.hook(hook, {}, enabled.get(f"{hook}TimeoutInSeconds", 1), patience=20)
                        if status != 200:
                            raise ValueError(f"The {hook} hook returned HTTP status {status}: {trial.log()}")
            finally:
                trial.kill()


def _unpacked(read: Read, uri: str, scratch: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(read(uri))) as archive:
        if "Dockerfile" not in archive.namelist():
            raise ValueError("There is no Dockerfile at the root of the archive")
        root = Path(tempfile.mkdtemp(prefix="image-", dir=scratch))
        archive.extractall(root)
    return root
