import tomllib
from pathlib import Path

from chalicelib.http.about import VERSION


def test_the_version_is_the_packages() -> None:
    root = Path(__file__).parents[3]
    assert tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"] == VERSION
