"""What makes a skill: names of files, guides, archives that lie, and the one form that comes of all of them."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from chalicelib.skills import guide, paths, references
from chalicelib.skills.errors import InvalidSkill
from chalicelib.skills.model import MOST_BODY, MOST_FILE_BYTES
from chalicelib.skills.packing import packed
from chalicelib.skills.policy import PLAIN, SDK, Policy
from chalicelib.skills.sources import SkillDraft, Source, of_bytes
from tests.support.skills import files_of, modes_of, unzipped, zip_of
from tests.support.skills import guide as guide_of


def archive(raw: bytes, policy: Policy = PLAIN) -> dict[str, bytes]:
    """What a skill made of an archive holds."""
    with packed(SkillDraft([of_bytes("s.zip", raw)]), policy) as pack:
        return unzipped(b"".join(pack.pieces()))


def refused(raw: bytes) -> str:
    """Why an archive makes no skill."""
    with pytest.raises(InvalidSkill) as told:
        archive(raw)
    return told.value.message


class TestNames:
    """Names of files."""

    @pytest.mark.parametrize(
        ("given", "found"), [("a", "a"), ("./a/./b.txt", "a/b.txt"), ("ünï/code", "ünï/code"), ("..a/b..", "..a/b..")]
    )
    def test_what_means_nothing_is_left_out(self, given: str, found: str) -> None:
        assert paths.checked(given) == found

    @pytest.mark.parametrize(
        "given",
        [
            "",
            ".",
            "/a",
            "a//b",
            "a/",
            "../a",
            "a/..",
            "a\\b",
            "a\0b",
            "a\nb",
            "\udcff",
            "a" * 256,
            "a/" * 300 + "a",
            "a/" * 17 + "b",
        ],
    )
    def test_what_cannot_be_a_name_is_refused(self, given: str) -> None:
        with pytest.raises(InvalidSkill):
            paths.checked(given)

    def test_names_stand_apart(self) -> None:
        paths.demand_apart(["a", "b/c", "b/d"])
        for both in (["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"]):
            with pytest.raises(InvalidSkill):
                paths.demand_apart(both)

    def test_ids_and_versions_are_read_in_any_dress(self) -> None:
        core = "0f0e0d0c-0b0a-4908-8706-050403020100"
        assert references.skill_id("t", f"skill_{core.replace('-', '')}") == references.skill_id("t", core) == core
        assert references.skill_id("t", "mine") == references.skill_id("t", "mine") != references.skill_id("u", "mine")
        assert references.skill_id("t", "no good") is None
        assert [references.version_of(one) for one in ("latest", "17", core, "x")] == ["latest", 17, core, None]


class TestGuides:
    """Front matter and body."""

    def test_values_are_the_text_that_stands_there(self) -> None:
        found = guide.read(
            b"\xef\xbb\xbf---\r\nname: 2024\r\ndescription: >\r\n  one\r\n  two\r\nmore: [1]\r\n---\r\n\r\nBody\r\n"
        )
        assert (found.name, found.description, found.body) == ("2024", "one two", "Body")

    def test_without_front_matter_all_is_body(self) -> None:
        assert guide.read(b"# Do it\n---\nx") == guide.Guide(body="# Do it\n---\nx")
        assert guide.read(b"---\n---\nx") == guide.Guide(body="x")

    def test_a_long_body_is_cut(self) -> None:
        assert guide.Guide(body="x" * MOST_BODY).shown_body() == ("x" * MOST_BODY, False)
        assert guide.Guide(body="x" * (MOST_BODY + 1)).shown_body() == ("x" * MOST_BODY, True)

    @pytest.mark.parametrize(
        "raw",
        [
            b"\xff",
            b"a\0b",
            b"---\nname: a",
            b"---\n- a\n---\n",
            b"---\nname: [a]\n---\n",
            b"---\nname: {a: b}\n---\n",
            b"---\nname: *a\n---\n",
            b"---\n" + b"[" * 5000 + b"\n---\n",
            b"---\n\x01: a\n---\n",
        ],
    )
    def test_what_cannot_be_read_is_refused(self, raw: bytes) -> None:
        with pytest.raises(InvalidSkill):
            guide.read(raw)


class TestForm:
    """The one form."""

    def test_the_same_files_give_the_same_bytes_in_any_order(self) -> None:
        files = [of_bytes(path, text.encode()) for path, text in files_of("a").items()]
        raws = []
        for order in (files, files[::-1]):
            with packed(SkillDraft(order), PLAIN) as pack:
                raws.append(b"".join(pack.pieces()))
                assert (pack.size, len(pack.sha256)) == (len(raws[-1]), 64)
                assert [file.path for file in pack.files] == sorted(files_of("a"))
        assert raws[0] == raws[1]
        assert modes_of(raws[0])["a/run.sh"] == 0o755

    def test_offsets_lead_to_each_file(self) -> None:
        import zlib

        content = {"SKILL.md": guide_of("a").encode(), "empty": b"", "b/ü.bin": bytes(range(256)) * 2000}
        with packed(SkillDraft([of_bytes(*pair) for pair in content.items()]), PLAIN) as pack:
            raw = b"".join(pack.pieces())
            for file in pack.files:
                part = raw[file.offset : file.offset + file.packed]
                assert zlib.decompress(part, -15) == content[file.path]
                assert file.size == len(content[file.path])

    def test_modes_count_where_they_are_told_and_marks_where_not(self) -> None:
        raw = zip_of({"SKILL.md": guide_of("a"), "x": "x", "y.sh": "#!/bin/sh"}, executable=("x",))
        with packed(SkillDraft([of_bytes("s.zip", raw)]), PLAIN) as pack:
            assert {file.path: file.executable for file in pack.files} == {"SKILL.md": False, "x": True, "y.sh": False}
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as made:
            for path, text in {"SKILL.md": guide_of("a"), "y.sh": "#!/bin/sh"}.items():
                entry = zipfile.ZipInfo(path)
                entry.create_system = 0
                made.writestr(entry, text)
        with packed(SkillDraft([of_bytes("s.zip", out.getvalue())]), PLAIN) as pack:
            assert {file.path: file.executable for file in pack.files} == {"SKILL.md": False, "y.sh": True}

    def test_folders_and_what_systems_add_are_left_out(self) -> None:
        files = {"top/SKILL.md": guide_of("a"), "top/.DS_Store": "x", "__MACOSX/top/._SKILL.md": "x", "top/empty/": ""}
        assert set(archive(zip_of(files))) == {"a/SKILL.md"}

    def test_a_file_may_have_so_many_bytes_and_no_more(self) -> None:
        sizes: dict[int, bool] = {}
        for size in (MOST_FILE_BYTES, MOST_FILE_BYTES + 1):
            sent = [of_bytes("SKILL.md", guide_of("a").encode()), Source("b", size, lambda: iter(()), False)]
            try:
                with packed(SkillDraft(sent), PLAIN):
                    sizes[size] = True
            except InvalidSkill:
                sizes[size] = False
        assert list(sizes.values()) == [True, False]

    def test_all_files_together_may_have_so_many_bytes_and_no_more(self) -> None:
        many = [Source(f"f{n}", 25 << 20, lambda: iter(()), False) for n in range(4)]
        with packed(SkillDraft([*many, of_bytes("g", b"")], name="a"), PLAIN):
            pass
        with (
            pytest.raises(InvalidSkill, match="104857600"),
            packed(SkillDraft([*many, of_bytes("g", b"x")], name="a"), PLAIN),
        ):
            pass

    def test_strict_clients_need_the_folder_of_the_name(self) -> None:
        archive(zip_of(files_of("a", "a")), SDK)
        for raw in (zip_of(files_of("a")), zip_of(files_of("a", "b")), zip_of(files_of("a", "a/a"))):
            with pytest.raises(InvalidSkill):
                archive(raw, SDK)


def _patched(raw: bytes, change: Callable[[bytearray], None]) -> bytes:
    data = bytearray(raw)
    change(data)
    return bytes(data)


class TestArchives:
    """Archives that lie."""

    def test_what_is_no_archive_is_refused(self) -> None:
        good = zip_of(files_of("a"))
        for raw in (b"PK\x03\x04", good[:-30], good[: len(good) // 2], b"PK\x05\x06" + b"\0" * 10):
            assert "archive" in refused(raw)
        assert "at least one" in refused(b"PK\x05\x06" + b"\0" * 18)

    def test_an_announced_flood_of_entries_is_not_read(self) -> None:
        def many(data: bytearray) -> None:
            at = data.rfind(b"PK\x05\x06")
            data[at + 8 : at + 12] = struct.pack("<HH", 65_000, 65_000)

        assert "500 files" in refused(_patched(zip_of(files_of("a")), many))
        real = io.BytesIO()
        with zipfile.ZipFile(real, "w") as made:
            for number in range(30_000):
                made.writestr(f"{number}", b"")
        tracemalloc.start()
        assert "500 files" in refused(real.getvalue())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 2 * len(real.getvalue()) + (1 << 20)

    def test_the_form_for_very_large_archives_is_refused(self) -> None:
        good = zip_of(files_of("a"))
        at = good.rfind(b"PK\x05\x06")
        locator = b"PK\x06\x07" + struct.pack("<IQI", 0, 0, 1)
        assert "very large" in refused(good[:at] + locator + good[at:])

    def test_a_bomb_is_refused_before_it_is_expanded(self) -> None:
        bomb = zip_of({"SKILL.md": guide_of("a"), "zeros": b"\0" * (24 << 20)})
        tracemalloc.start()
        assert "packed more than" in refused(bomb)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 2 << 20

    def test_an_entry_with_more_bytes_than_it_says_is_refused(self) -> None:
        raw = zip_of({"SKILL.md": guide_of("a"), "b.txt": "0123456789" * 100})
        short = raw.replace(struct.pack("<I", 1000), struct.pack("<I", 10))
        assert short != raw
        assert "damaged" in refused(short)

    def test_a_damaged_entry_is_refused(self) -> None:
        raw = zip_of({"SKILL.md": guide_of("a"), "b.txt": "some text " * 50})
        at = raw.index(b"b.txt") + len("b.txt") + 3
        assert "damaged" in refused(raw[:at] + b"\xff\xff\xff" + raw[at + 3 :])

    def test_entries_that_hide_something_are_refused(self) -> None:
        usual = {"SKILL.md": guide_of("a")}
        for name, mode in (("link", 0o120777), ("pipe", 0o010644), ("device", 0o060644)):
            assert "link or a device" in refused(zip_of(usual | {name: "x"}, modes={name: mode}))
        raw = zip_of(usual | {"b.txt": "x"})
        assert "encrypted" in refused(_flags(raw, 0x1))
        for name in ("../x", "a/../../x", "/x", "..", "a/../b/"):
            assert refused(zip_of(usual | {name: "x"}))

    def test_names_that_are_no_text_or_end_early_are_refused(self) -> None:
        raw = zip_of({"SKILL.md": guide_of("a"), "bXd": "x"})
        assert "UTF-8" in refused(_flags(raw.replace(b"bXd", b"b\xffd"), 0x800))
        assert "UTF-8" in refused(raw.replace(b"bXd", b"b\xffd"))
        assert "control" in refused(raw.replace(b"bXd", b"b\0d"))
        assert "a/b\u00fcd" not in archive(raw)
        assert "a/b\u00fc" in archive(raw.replace(b"bXd", "bü".encode()))

    def test_a_name_that_stands_twice_is_refused(self) -> None:
        raw = zip_of({"SKILL.md": guide_of("a"), "one": "1", "two": "2"}).replace(b"two", b"one")
        assert "more than once" in refused(raw)

    def test_other_ways_of_packing_are_refused(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as made:
            made.writestr("SKILL.md", guide_of("a"))
        assert "deflate" in refused(out.getvalue())


def _flags(raw: bytes, bit: int) -> bytes:
    """The archive with a flag set on each entry, in both of its places."""
    data = bytearray(raw)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset] |= bit & 0xFF
            data[at + offset + 1] |= bit >> 8
            at = data.find(mark, at + 4)
    return bytes(data)
