"""Where paths lead."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.sandbox.guest import paths
from chalicelib.sandbox.guest.wire import Problem


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(paths._Layout, "root", "")
    paths.configure(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", "/workspace"), ("~", "/workspace"), ("~/a", "/workspace/a"), ("a/./b//c/", "/workspace/a/b/c"),
        ("/workspace/a/../b", "/workspace/b"), ("/mnt/session/outputs/x", "/mnt/session/outputs/x"),
        ("~bob", "/workspace/~bob"), ("//workspace/a", "/workspace/a"), ("/", "/"), ("/etc/../etc", "/etc"),
        ("/workspaces/a", "/workspaces/a"),
    ],
)  # fmt: skip
def test_what_a_path_is_called(root: Path, given: str, shown: str) -> None:
    assert paths.resolve(given).shown == shown


def test_both_ways(root: Path) -> None:
    assert paths.real("/workspace/a") == f"{root}/workspace/a"
    assert paths.real("/home/user/a") == f"{root}/workspace/a"
    assert paths.real("/workspace2") == "/workspace2"
    assert paths.shown(f"{root}/mnt/session/x") == "/mnt/session/x"
    assert paths.resolve(f"{root}/workspace/a").shown == "/workspace/a"


@pytest.mark.parametrize(
    "given", ["..", "../x", "a/../../x", "/workspace/..", "/workspace/../etc", "//workspace/../x", "/./workspace/../x"]
)
def test_climbing_out_is_denied(root: Path, given: str) -> None:
    with pytest.raises(Problem) as caught:
        paths.resolve(given)
    assert caught.value.code == "permission_denied"


@pytest.mark.parametrize("target", ["/etc", "../..", "/", "../mnt/session"])
def test_links_that_lead_out_are_denied(root: Path, target: str) -> None:
    (root / "workspace" / "link").symlink_to(target)
    for given in ("link/x", "/workspace/link"):
        with pytest.raises(Problem) as caught:
            paths.resolve(given)
        assert caught.value.code == "permission_denied"
    assert paths.resolve("link", follow=False).real == f"{root}/workspace/link"
    with pytest.raises(Problem):
        paths.resolve("link/x", follow=False)


def test_links_inside_are_followed(root: Path) -> None:
    (root / "workspace" / "dir").mkdir()
    (root / "workspace" / "link").symlink_to("dir")
    assert paths.resolve("link/f") == ("/workspace/link/f", f"{root}/workspace/dir/f")


@pytest.mark.parametrize("given", ["a\0b", "\ud800"])
def test_what_is_no_path(root: Path, given: str) -> None:
    with pytest.raises(Problem) as caught:
        paths.resolve(given)
    assert caught.value.code == "invalid_argument"
