"""Makes what a Lambda function's zip holds: dependencies, our code, byte code for both."""

from __future__ import annotations

import compileall
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).parent / "uv"
LOCK = ROOT / "requirements" / "runtime.lock"
TASK_ROOT = "/var/task"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Lambda's Python 3.11 runs on Amazon Linux 2 (glibc 2.26), later ones on 2023 (2.34).
PLATFORM = "x86_64-manylinux2014" if sys.version_info < (3, 12) else "x86_64-manylinux_2_28"

# Lambda's Python brings these along, in versions that fit each other.
PROVIDED = {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
# Our own packages that no function uses.
LAPTOP_ONLY = ("local", "cli")
# In packages of others: what only their own tests, type checkers and builds read.
SKIPPED_DIRS = {"__pycache__", "tests", "test", "bin"}
SKIPPED_SUFFIXES = {".pyi", ".pyx", ".pxd", ".c", ".h", ".a"}


def runtime_requirements() -> str:
    """The locked requirements of the functions without what Lambda provides."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", LOCK.read_text())
    names = [re.split(r"[=<>\[ ]", entry, maxsplit=1)[0].lower() for entry in entries]
    return "\n".join(entry for name, entry in zip(names, entries, strict=True) if name not in PROVIDED) + "\n"


def dependencies(cache: Path) -> Path:
    """A directory of the dependencies with their byte code; made once for one set of requirements.

    Raises:
        subprocess.CalledProcessError: a wheel for Lambda could not be had.
    """
    requirements = runtime_requirements()
    recipe = f"{requirements}{PYTHON}{PLATFORM}{Path(__file__).read_text()}"
    target = cache / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    if target.exists():
        return target
    shutil.rmtree(cache, ignore_errors=True)
    unfinished = cache / "unfinished"
    unfinished.mkdir(parents=True)
    _install(requirements, unfinished)
    _strip(unfinished)
    compile_tree(unfinished)
    return unfinished.rename(target)


def _install(requirements: str, target: Path) -> None:
    listed = target.with_suffix(".txt")
    listed.write_text(requirements)
    command = [UV, "pip", "install", "--quiet", "--target", target, "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-version", PYTHON, "--python-platform", PLATFORM]
    subprocess.run([*map(str, command), "-r", str(listed)], check=True)
    listed.unlink()


def _strip(tree: Path) -> None:
    for directory, folders, files in os.walk(tree, topdown=True):
        for name in [n for n in folders if n in SKIPPED_DIRS]:
            shutil.rmtree(Path(directory, name))
            folders.remove(name)
        for name in files:
            if Path(name).suffix in SKIPPED_SUFFIXES or name in {".lock", "RECORD", "direct_url.json"}:
                Path(directory, name).unlink()


def compile_tree(tree: Path) -> None:
    """Puts byte code beside each source under `tree`. It is never checked against the source, whose time the
    zip does not keep, and it names the files where Lambda has them.

    Raises:
        SyntaxError: a source does not compile.
    """
    done = compileall.compile_dir(
        tree,
        quiet=1,
        stripdir=str(tree),
        prependdir=TASK_ROOT,
        invalidation_mode=compileall.py_compile.PycInvalidationMode.UNCHECKED_HASH,  # type: ignore[attr-defined]
        workers=os.cpu_count() or 1,
    )
    if not done:
        raise SyntaxError(f"not all of {tree} compiles")


def stage(project: Path) -> None:
    """A Chalice project at `project` that holds exactly our code, and no requirements for Chalice to install."""
    shutil.rmtree(project, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=ignored)
    for name in LAPTOP_ONLY:
        shutil.rmtree(project / "chalicelib" / name, ignore_errors=True)
    shutil.copytree(ROOT / ".chalice", project / ".chalice", ignore=shutil.ignore_patterns("deployments"))
    shutil.copy(ROOT / "app.py", project / "app.py")
    (project / "requirements.txt").write_text("")


def assemble(chalice_zip: Path, packages: Path, bundle: Path) -> None:
    """Lays out in `bundle` what the zip of Chalice holds, the dependencies and the streaming runtime's script."""
    shutil.rmtree(bundle, ignore_errors=True)
    with zipfile.ZipFile(chalice_zip) as archive:
        archive.extractall(bundle)
    compile_tree(bundle)
    shutil.copytree(packages, bundle, dirs_exist_ok=True, copy_function=_link)
    shutil.copy(ROOT / "infra" / "stream_runtime.sh", bundle)


def _link(source: str, target: str) -> None:
    os.link(source, target)


def write_zip(tree: Path, target: Path) -> None:
    """Zips `tree`, always to the same bytes for the same files."""
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), (2020, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if path.suffix == ".sh" else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
