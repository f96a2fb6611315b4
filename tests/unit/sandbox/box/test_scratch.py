"""The directory boxes share."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.sandbox.box import owners
from chalicelib.sandbox.box.errors import NoIsolation
from chalicelib.sandbox.box.scratch import Scratch, blocked_at


@pytest.fixture
def place() -> Iterator[Path]:
    """A place other users can reach."""
    with tempfile.TemporaryDirectory(prefix="lb-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def mode(path: Path) -> int:
    """Its permissions."""
    return path.stat().st_mode & 0o777


def test_all_may_pass_and_servers_alone_see_the_boxes(place: Path) -> None:
    scratch = Scratch(place / "s")
    assert mode(scratch.root) == 0o711
    assert mode(scratch.boxes) == 0o700
    assert mode(scratch.make(owners.new_name())) == 0o700


def test_what_the_system_tidied_away_comes_back(place: Path) -> None:
    scratch = Scratch(place / "s")
    scratch.boxes.rmdir()
    name = owners.new_name()
    assert scratch.make(name).is_dir()
    scratch.remove(name)
    assert list(scratch.boxes.iterdir()) == []
    scratch.remove(name)


def test_a_link_in_its_place_is_refused(place: Path) -> None:
    (place / "elsewhere").mkdir()
    (place / "s").symlink_to(place / "elsewhere")
    with pytest.raises(NoIsolation, match="somebody else"):
        Scratch(place / "s")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_what_somebody_else_made_is_refused(place: Path) -> None:
    (place / "s").mkdir()
    os.chown(place / "s", 1, 1)
    with pytest.raises(NoIsolation, match="somebody else"):
        Scratch(place / "s")


def test_a_path_too_long_for_sockets_is_refused(place: Path) -> None:
    with pytest.raises(NoIsolation, match="too long"):
        Scratch(place / ("x" * 80))


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user needs no passable way")
def test_a_private_way_to_it_is_refused_for_root(place: Path) -> None:
    (place / "private").mkdir(mode=0o700)
    with pytest.raises(NoIsolation, match="private is private"):
        Scratch(place / "private/s")


def test_the_first_wall_is_found(place: Path) -> None:
    (place / "a").mkdir(mode=0o700)
    (place / "a/b").mkdir(mode=0o700)
    assert blocked_at(place) is None
    assert blocked_at(place / "a/b") == place / "a"


@pytest.mark.parametrize("name", ["", "..", "../../etc", "uids", "/etc"])
def test_only_names_of_boxes_are_places(place: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        Scratch(place / "s").place(name)
