"""What a laptop keeps of its keys: made once, kept for its owner alone, completed where something is missing."""

import json
import stat
from dataclasses import replace
from pathlib import Path

from chalicelib.local import credentials


def test_the_first_start_makes_them_and_the_next_finds_them(tmp_path: Path) -> None:
    made = credentials.load(tmp_path / "state")
    assert made.root_key
    assert len(made.root_secret) >= 32
    assert credentials.load(tmp_path / "state") == made
    assert made != credentials.load(tmp_path / "other")


def test_only_their_owner_can_read_them(tmp_path: Path) -> None:
    credentials.load(tmp_path)
    assert stat.S_IMODE((tmp_path / credentials.FILE).stat().st_mode) == 0o600


def test_a_file_without_a_root_secret_gets_one_that_stays(tmp_path: Path) -> None:
    (tmp_path / credentials.FILE).write_text(json.dumps({"root_key": "r", "api_key": "k", "tenant": "t"}))
    found = credentials.load(tmp_path)
    assert (found.root_key, found.api_key, found.tenant) == ("r", "k", "t")
    assert found.root_secret
    assert credentials.load(tmp_path) == found


def test_what_is_saved_is_found(tmp_path: Path) -> None:
    changed = replace(credentials.load(tmp_path), api_key="key", tenant="tenant")
    credentials.save(tmp_path, changed)
    assert credentials.load(tmp_path) == changed


def test_nothing_is_kept_without_a_directory() -> None:
    assert credentials.load(None) != credentials.load(None)


def test_the_root_secret_is_not_in_their_text() -> None:
    made = credentials.load(None)
    assert made.root_secret not in repr(made)
