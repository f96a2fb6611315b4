"""Stores of one session: each once, eight at most, each in a folder of its own; and what the prompt says of them."""

import pytest

from chalicelib.memory.attaching import MOST_STORES, Resource, placed, store_ids
from chalicelib.memory.errors import TooManyMemoryStores
from chalicelib.memory.prompting import section

FILE: Resource = {"id": "f", "type": "file", "mount_path": "/mnt/memory/notes"}


def store(number: int, path: str = "/mnt/memory/notes", **more: str | None) -> Resource:
    """A store's resource."""
    facts = {"name": "Notes", "description": "", "access": "read_write", "instructions": None, "mount_path": path}
    return {"id": f"r{number}", "type": "memory_store", "memory_store_id": f"s{number}"} | facts | more


def test_folders_of_one_name_are_told_apart() -> None:
    others: list[Resource] = [FILE]
    for number in range(3):
        others.append(placed(others, store(number), "x"))
    assert [one["mount_path"] for one in others[1:]] == [
        "/mnt/memory/notes",
        "/mnt/memory/notes-2",
        "/mnt/memory/notes-3",
    ]
    assert store_ids(others) == ["s0", "s1", "s2"]
    assert placed(others, FILE, "x") == FILE


def test_a_store_placed_again_keeps_its_folder() -> None:
    one = store(1)
    assert placed([one, store(2, "/mnt/memory/notes-2")], one, "x") == one


def test_a_ninth_store_and_a_repeated_one_are_refused() -> None:
    full = [store(number, f"/mnt/memory/{number}") for number in range(MOST_STORES)]
    with pytest.raises(TooManyMemoryStores):
        placed(full, store(9), "x")
    with pytest.raises(TooManyMemoryStores):
        placed(full[:2], store(1) | {"id": "other"}, "x")


def test_the_prompt_tells_of_stores_alone_and_always_alike() -> None:
    assert section([FILE]) == ""
    described = store(1, description="What is known.", instructions="Ask first.", access="read_only")
    text = section([FILE, store(2, "/mnt/memory/two"), described])
    assert text == section([FILE, store(2, "/mnt/memory/two"), described])
    assert text.index("/mnt/memory/two/") < text.index("/mnt/memory/notes/")
    assert text.endswith("Notes: can only be read.\nWhat is known.\nAsk first.")
