"""Makes build/microvm/image.zip, the source of the sandboxes' MicroVM image, and has Lambda build it.

python scripts/microvm_image.py [--bucket BUCKET --role ARN] [--name NAME] [--memory MIB] [--region REGION]

Without a bucket and a role only the zip is made. The last line printed is the image's ARN.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import package_bundle

ROOT = package_bundle.ROOT
SOURCE = ROOT / "infra" / "microvm"
BUILD = ROOT / "build" / "microvm"
PROGRAM = "chalicelib.sandbox.box.server"
GUEST = "chalicelib/sandbox/guest"
PREFIX = "microvm-image"
LOGS = "/aws/lambda-microvms/"
UNDER_WAY = ("PENDING", "IN_PROGRESS")
BUILD_SECONDS = 1800
HOOK_SECONDS = {"run": 10, "resume": 10, "suspend": 10, "terminate": 10}
IMAGE_HOOK_SECONDS = {"ready": 60, "validate": 60}

Json = dict[str, Any]


class BuildFailedError(Exception):
    """Lambda could not build the image."""


def make_zip(build: Path) -> Path:
    """The zip with the Dockerfile at its root, made afresh; equal sources make equal bytes."""
    tree, target = build / "tree", build / "image.zip"
    shutil.rmtree(tree, ignore_errors=True)
    lay_out(tree)
    package_bundle.write_zip(tree, target)
    return target


def lay_out(tree: Path) -> None:
    """What the image holds: the box server with all it imports, the guest, and what builds them."""
    for source in program_files(PROGRAM):
        copy = tree / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / GUEST, tree / GUEST, dirs_exist_ok=True, ignore=ignored)
    for name in ("Dockerfile", "requirements.lock"):
        shutil.copy(SOURCE / name, tree / name)


def program_files(start: str) -> list[Path]:
    """The files of a module of ours and of every one it can come to import, packages' own files too."""
    found: dict[str, Path] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting += [name.rpartition(".")[0], *_imports(ast.parse(path.read_text()))]
    return sorted(found.values())


def _file_of(name: str) -> Path | None:
    if not name.startswith("chalicelib"):
        return None
    base = ROOT.joinpath(*name.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imports(node)


def publish(client: Any, s3: Any, archive: Path, options: argparse.Namespace) -> str:
    """Uploads the zip and has the image built, anew or as a further version; its ARN when it is ready.

    Raises:
        BuildFailedError: the build failed or took too long.
    """
    raw = archive.read_bytes()
    key = f"{PREFIX}/{hashlib.sha256(raw).hexdigest()[:16]}.zip"
    s3.put_object(Bucket=options.bucket, Key=key, Body=raw)
    asked = request(options, f"s3://{options.bucket}/{key}", client.meta)
    known = _known(client, options.name)
    if known is None:
        made = client.create_microvm_image(name=options.name, **asked)
    else:
        made = client.update_microvm_image(imageIdentifier=known["imageArn"], **asked)
    _await(client, made["imageArn"], made["imageVersion"])
    return str(made["imageArn"])


def request(options: argparse.Namespace, uri: str, where: Any) -> Json:
    """What an image is made of; ``where`` knows the region and its partition."""
    return {
        # Its newest version, so that a build renews the machine's own kernel and programs.
        "baseImageArn": f"arn:{where.partition}:lambda:{where.region_name}:aws:microvm-image:al2023-1",
        "buildRoleArn": options.role,
        "codeArtifact": {"uri": uri},
        "description": "Computers of Lambent's sandboxes",
        "logging": {"cloudWatch": {"logGroup": LOGS + options.name}},
        "resources": [{"minimumMemoryInMiB": options.memory}],
        "cpuConfigurations": [{"architecture": "ARM_64"}],
        # The box inside makes namespaces and mounts.
        "additionalOsCapabilities": ["ALL"],
        "hooks": {
            "port": 9000,
            "microvmHooks": _hooks(HOOK_SECONDS),
            "microvmImageHooks": _hooks(IMAGE_HOOK_SECONDS),
        },
        # Lambda answers a repeated token with the first answer for good, and builds nothing.
        "clientToken": uuid.uuid4().hex,
    }


def _hooks(seconds: dict[str, int]) -> Json:
    enabled: Json = dict.fromkeys(seconds, "ENABLED")
    return enabled | {f"{name}TimeoutInSeconds": most for name, most in seconds.items()}


def _known(client: Any, name: str) -> Json | None:
    pages = client.get_paginator("list_microvm_images").paginate(nameFilter=name)
    return next((image for page in pages for image in page["items"] if image["name"] == name), None)


def _await(client: Any, image: str, version: str) -> None:
    """The image's own state may for a moment be that of before; the version's cannot be another's."""
    until = time.monotonic() + BUILD_SECONDS
    while (found := _version(client, image, version))["state"] in UNDER_WAY or _busy(client, image):
        if time.monotonic() > until:
            raise BuildFailedError(f"version {version} is still {found['state']} after {BUILD_SECONDS} seconds")
        time.sleep(_PAUSE)
    if found["state"] != "SUCCESSFUL":
        raise BuildFailedError(f"version {version} is {found['state']}: {_reason(client, found)}")


def _version(client: Any, image: str, version: str) -> Json:
    try:
        found: Json = client.get_microvm_image_version(imageIdentifier=image, imageVersion=version)
    except client.exceptions.ResourceNotFoundException:
        # It was just made, and is not known everywhere yet.
        return {"state": "PENDING"}
    return found


def _busy(client: Any, image: str) -> bool:
    return str(client.get_microvm_image(imageIdentifier=image)["state"]).endswith("ING")


def _reason(client: Any, version: Json) -> str:
    """Why a version could not be built: each build says it best, where there is one."""
    builds = client.list_microvm_image_builds(
        imageIdentifier=version["imageArn"], imageVersion=version["imageVersion"], maxResults=10
    )
    told = [build["stateReason"] for build in builds["items"] if build.get("stateReason")]
    return (
        "; ".join(told or [version.get("stateReason", "no reason is told")])
        + f" (more in the log group {LOGS}{version['imageArn'].rpartition(':')[2]})"
    )


_PAUSE = 5.0


def parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bucket", default="", help="bucket the build reads the zip from")
    parser.add_argument("--role", default="", help="ARN of the role the build runs under")
    parser.add_argument("--name", default="lambent-sandbox", help="name of the image")
    parser.add_argument("--memory", type=int, default=2048, help="MiB of memory: 512, 1024, 2048, 4096 or 8192")
    parser.add_argument("--region", default=None, help="region; else that of the environment")
    return parser.parse_args(words)


def main() -> None:
    options = parsed(sys.argv[1:])
    archive = make_zip(BUILD)
    print(f"{archive.relative_to(ROOT)}: {archive.stat().st_size / 1024:.0f} KB")
    if not options.bucket or not options.role:
        print("Not built: name a bucket and a role for that (BUCKET=… ROLE=…).")
        return
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.session.Session(region_name=options.region)
    print("Lambda builds the image; that takes some minutes …", flush=True)
    try:
        print(publish(session.client("lambda-microvms"), session.client("s3"), archive, options))
    except (BuildFailedError, BotoCoreError, ClientError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
