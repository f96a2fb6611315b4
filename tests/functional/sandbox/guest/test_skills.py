"""What the host puts there as skills: read-only, found from the home folder, and no part of what is kept."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.sandbox.frames import sent
from chalicelib.sandbox.sending import send_tree
from chalicelib.workspaces.model import Entry
from tests.functional.sandbox.guest.conftest import Guest
from tests.functional.sandbox.guest.test_tree import scanned

SKILLS = "/mnt/session/skills"


def put(guest: Guest, *paths: str, gone: tuple[str, ...] = ()) -> list[str]:
    """Have the guest make files and take others away; what it could not do."""
    entries = ((f"{SKILLS}/{path}", Entry("file", 0o555, 10**18, 4), [path[-4:].encode()]) for path in paths)
    return send_tree(guest.client, sent(entries, [f"{SKILLS}/{path}" for path in gone]))


@pytest.fixture
def link(guest: Guest) -> Iterator[Path]:
    """Where the home folder leads to the skills; gone after the test."""
    place = guest.workspace / ".skills"
    yield place
    put(guest, gone=("folding", "other"))
    if place.is_symlink():
        place.unlink()


def test_they_are_found_from_the_home_folder_and_cannot_be_changed(guest: Guest, link: Path) -> None:
    assert put(guest, "folding/run.sh", "folding/pages/more") == []
    for path in ("/home/user/.skills/folding/run.sh", ".skills/folding/run.sh", "~/.skills/folding/run.sh"):
        answer = guest.http.get("/files", params={"path": path})
        assert (answer.status_code, answer.content) == (200, b"n.sh"), path
    real = guest.root / SKILLS.lstrip("/") / "folding"
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (real, real / "pages", real / "run.sh")}
    assert set(modes.values()) == {0o555}
    assert put(guest, "folding/run.sh", "other/file") == []
    assert stat.S_IMODE((real.parent / "other").stat().st_mode) == 0o555


def test_they_are_no_part_of_what_is_kept(guest: Guest, link: Path) -> None:
    put(guest, "folding/run.sh")
    assert link.is_symlink()
    assert not [path for path in scanned(guest, "/workspace") if path.startswith(".skills")]
    link.unlink()
    link.symlink_to("elsewhere")
    assert scanned(guest, "/workspace")[".skills"]["target"] == "elsewhere"


def test_what_one_keeps_under_that_name_stays_and_the_other_place_is_told(guest: Guest, link: Path) -> None:
    link.mkdir()
    (link / "own").write_text("x")
    try:
        (problem,) = put(guest, "folding/run.sh")
        assert f"the skills are in {SKILLS}" in problem
        assert guest.http.get("/files", params={"path": f"{SKILLS}/folding/run.sh"}).content == b"n.sh"
        assert set(scanned(guest, "/workspace")) >= {".skills", ".skills/own"}
    finally:
        (link / "own").unlink()
        link.rmdir()


def test_a_folder_is_taken_away_whole(guest: Guest, link: Path) -> None:
    put(guest, "folding/run.sh", "folding/a/b/c", "other/file")
    assert put(guest, gone=("folding", "never")) == []
    assert {path.name for path in (guest.root / SKILLS.lstrip("/")).iterdir()} == {"other"}


def test_links_out_of_the_workspace_lead_nowhere_still(guest: Guest, folder: str, link: Path) -> None:
    put(guest, "folding/run.sh")
    (guest.root / folder.lstrip("/") / "out").symlink_to(guest.root / "mnt" / "session")
    (guest.root / folder.lstrip("/") / "in").symlink_to(guest.root / SKILLS.lstrip("/"))
    assert guest.http.get("/files", params={"path": f"{folder}/out/skills"}).status_code in (400, 403, 404)
    assert guest.http.get("/files", params={"path": f"{folder}/in/folding/run.sh"}).status_code == 200
    assert guest.http.get("/files", params={"path": f"{folder}/in/../uploads"}).status_code in (400, 403, 404)
