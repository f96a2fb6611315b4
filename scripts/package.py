"""Makes build/package/: `sam.json` and `deployment.zip`, ready for CloudFormation.

python scripts/package.py [--no-report]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import package_bundle
import package_report
import package_template

BUILD = package_bundle.ROOT / "build"
PACKAGE = BUILD / "package"


def build(package: Path, bundle: Path) -> None:
    """Makes `package` afresh, with a zip of `bundle`, which is laid out afresh too.

    Raises:
        subprocess.CalledProcessError: Chalice or the installer failed; they have said why.
    """
    packages = package_bundle.dependencies(BUILD / "dependencies")
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    make_template(package)
    archive = package / "deployment.zip"
    package_bundle.assemble(archive, packages, bundle)
    package_bundle.write_zip(bundle, archive)


def make_template(package: Path) -> None:
    """Makes `sam.json` in `package`, and beside it Chalice's zip of our own code alone.

    Raises:
        subprocess.CalledProcessError: Chalice failed; it has said why.
    """
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, "project")
        package_bundle.stage(project)
        _run_chalice(project, package)


def _run_chalice(project: Path, package: Path) -> None:
    template = project / "template.json"
    template.write_text(json.dumps(package_template.combined()))
    chalice = Path(sys.executable).parent / "chalice"
    command = [chalice, "package", "--stage", "live", "--merge-template", template, package]
    # Without _HANDLER no function's imports happen; without a region Chalice refuses to start.
    env = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    env.pop("_HANDLER", None)
    done = subprocess.run([*map(str, command)], cwd=project, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, file=sys.stderr)
        done.check_returncode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-report", action="store_true", help="do not measure the functions' starts")
    options = parser.parse_args()
    bundle = BUILD / "bundle"
    build(PACKAGE, bundle)
    if not options.no_report:
        runtime = package_report.provided(BUILD / "lambda-runtime")
        print(package_report.describe(bundle, PACKAGE / "deployment.zip", runtime))


if __name__ == "__main__":
    main()
