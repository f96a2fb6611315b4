"""Where repositories may come from and go: forms that are taken, forms that are refused, and what an error repeats."""

import pytest

from chalicelib.sessions.mounts import (
    checked_branch,
    checked_commit,
    checked_file_mount,
    checked_mount,
    checked_url,
    default_mount,
)


@pytest.mark.parametrize(
    ("url", "mount"),
    [
        ("https://github.com/acme/tools", "/workspace/tools"),
        ("https://github.com/acme/tools.git", "/workspace/tools"),
        ("https://github.com/acme/tools/", "/workspace/tools"),
        ("http://git.example:3000/tools.js", "/workspace/tools.js"),
        ("https://git.example/a/b/c_d", "/workspace/c_d"),
    ],
)
def test_a_repository_goes_to_the_workspace_under_its_name(url: str, mount: str) -> None:
    assert checked_url(url) == url
    assert default_mount(url) == mount


@pytest.mark.parametrize(
    "url",
    [
        "",
        "acme/tools",
        "git@github.com:acme/tools.git",
        "ssh://git@github.com/acme/tools",
        "file:///etc/passwd",
        "https://canary:canary@github.com/acme/tools",
        "https://canary@github.com/acme/tools",
        "https://github.com",
        "https://github.com/",
        "https://github.com/acme/tools?token=canary",
        "https://github.com/acme/tools#canary",
        "https://github.com/acme/to ols",
        "https://github.com/acme/tools\n--upload-pack=x",
        "--upload-pack=x",
        "https://github.com\\@evil.example/acme/tools",
    ],
)
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        checked_url(url)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://git.example/..", "https://git.example/.git", "https://git.example/-x"])
def test_a_name_that_makes_no_directory_needs_a_mount_path(url: str) -> None:
    with pytest.raises(ValueError, match="mount_path is required"):
        default_mount(url)


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/workspace", "/workspace"),
        ("/workspace/", "/workspace"),
        ("/workspace//a/./b/", "/workspace/a/b"),
        ("//workspace/a", "/workspace/a"),
    ],
)
def test_mount_paths_are_kept_in_normal_form(path: str, normal: str) -> None:
    assert checked_mount(path) == normal


@pytest.mark.parametrize(
    "path",
    [
        "",
        "workspace/a",
        "./a",
        "~/a",
        "/",
        "/etc",
        "/workspaces/a",
        "/workspace/../etc",
        "/workspace/a/../b",
        "/mnt",
        "/mnt/code",
        "/mnt/session/uploads/x",
        "/mnt/memory/x",
        "/workspace/a\x00b",
        "/workspace/a\nb",
        "/workspace/" + "a" * 1100,
    ],
)
def test_other_mount_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError):
        checked_mount(path)


@pytest.mark.parametrize("name", ["main", "feature/new-thing", "v1.2", "user@work", "release_2026"])
def test_branches_are_taken(name: str) -> None:
    assert checked_branch(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "-main",
            "--upload-pack=x",
            "a..b",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "/a",
            "a/",
            "a.",
            "a//b",
        ),
        *("a\nb", "a@{1}", "a.lock", "a.lock/b", "a/.b", "$(x)", "`x`", "a;b"),
    ],
)
def test_what_is_no_branch_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        checked_branch(name)


@pytest.mark.parametrize("path", ["", ".", "..", "/", "//", "/../.", "../"])
def test_a_path_that_names_no_file_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="file"):
        checked_file_mount(path)
    assert checked_file_mount(f"{path}/x") == f"{path}/x"


def test_commits_are_hashes() -> None:
    assert checked_commit("ABCDEF0") == "abcdef0"
    for text in ("abcdef", "g" * 40, "a" * 65, "", "-abcdef0", "abcdef0\n"):
        with pytest.raises(ValueError):
            checked_commit(text)
