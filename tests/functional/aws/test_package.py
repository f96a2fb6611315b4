"""The package as CloudFormation gets it: made twice, opened, looked into."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
BUILD = "import package, pathlib, sys; package.build(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))"


def build(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-c", BUILD, str(folder / "package"), str(folder / "bundle")],
        check=True,
        cwd=ROOT / "scripts",
    )
    return folder / "package"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def names(package: Path) -> set[str]:
    with zipfile.ZipFile(package / "deployment.zip") as archive:
        return set(archive.namelist())


def test_the_same_sources_make_the_same_zip(package: Path, tmp_path: Path) -> None:
    again = build(tmp_path)
    assert (again / "deployment.zip").read_bytes() == (package / "deployment.zip").read_bytes()


def test_what_lambda_brings_is_left_out(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert {"app.py", "chalice", "chalicelib", "pydantic", "starlette", "stream_runtime.sh"} <= tops
    assert not {"boto3", "botocore", "urllib3", "moto", "xllamacpp", "pytest"} & tops


def test_the_skills_that_come_along_are_in_it(names: set[str]) -> None:
    skills = ROOT / "chalicelib" / "skills" / "builtin"
    files = {str(path.relative_to(ROOT)) for path in skills.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert len(files) > 8
    assert files <= names


def test_what_only_a_laptop_needs_is_left_out(names: set[str]) -> None:
    assert not any(name.startswith(("chalicelib/local/", "chalicelib/cli/", "tests/")) for name in names)


def test_every_module_has_byte_code_that_is_used_as_it_is(package: Path) -> None:
    tag = sys.implementation.cache_tag
    with zipfile.ZipFile(package / "deployment.zip") as archive:
        listed = set(archive.namelist())
        for name in (n for n in listed if n.endswith(".py")):
            folder, _, file = name.rpartition("/")
            compiled = f"{folder}/__pycache__/{file[:-3]}.{tag}.pyc".lstrip("/")
            assert compiled in listed, name
            head = archive.open(compiled).read(8)
            assert head[:4] == importlib.util.MAGIC_NUMBER
            assert int.from_bytes(head[4:], "little") == 0b01  # by hash, never checked


def test_compiled_extensions_are_lambdas(names: set[str]) -> None:
    minor = f"cp{sys.version_info.major}{sys.version_info.minor}"
    extensions = [name for name in names if name.endswith(".so")]
    assert extensions
    assert all("x86_64-linux-gnu" in name for name in extensions if "cpython-" in name), extensions
    assert any(minor[2:] in name for name in extensions)


def test_the_wrapper_script_can_be_run(package: Path) -> None:
    with zipfile.ZipFile(package / "deployment.zip") as archive:
        mode = archive.getinfo("stream_runtime.sh").external_attr >> 16
    assert mode & 0o111 == 0o111


def test_the_functions_run_the_python_that_made_their_byte_code(package: Path) -> None:
    resources: Any = json.loads((package / "sam.json").read_text())["Resources"]
    runtimes = {
        resource["Properties"]["Runtime"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert runtimes == {f"python{sys.version_info.major}.{sys.version_info.minor}"}
