"""Attempts to get out of a session's sandbox through what clients attach, publish and download and agents' tools.

Nothing of the host is told and nothing on it is changed, and those beside notice nothing. What an agent puts in the way
of attached files leads nowhere. A workspace made hostile is kept, put back, and its session goes on.
"""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.laws.escapes import Ground, Hand, check_stored, ground, links, search
from tests.e2e.laws.ways_out import DEEP, ELSEWHERE, HOSTILE, LEADING_OUT, LINKS, LOOK, TRAPS
from tests.support.api import Json

UPLOADS, OUTPUTS = "/mnt/session/uploads", "/mnt/session/outputs"


@pytest.fixture(scope="module")
def host() -> Iterator[Ground]:
    """A host to break into."""
    with ground() as made:
        yield made


@pytest.fixture(scope="module")
def hand(host: Ground) -> Iterator[Hand]:
    """A session whose sandbox holds the links."""
    with host.hand() as made:
        made.execute(links(host, "L"))
        made.execute(f"mkdir -p {OUTPUTS}/sub; echo kept > {OUTPUTS}/own; cd {OUTPUTS}; {links(host, 'L')}")
        yield made


@pytest.fixture(autouse=True)
def nothing_happened(host: Ground) -> Iterator[None]:
    """After each attempt all around is as it was."""
    yield
    host.check()


class TestPathsOfSessions:
    """What clients and agents of sessions name."""

    def test_only_what_is_in_the_workspace_can_be_published(self, host: Ground, hand: Hand) -> None:
        for path in [*map(host.fill, LEADING_OUT + ELSEWHERE), "x" * 5000, "a\0b", "", ".", "/workspace", "%2e%2e/etc"]:
            told = hand.wire.ask("POST", f"{hand.path}/files", json={"path": path})
            assert told.refused, path
        assert {one["filename"] for one in host.api.get("/v1/files", scope_id=hand.id)["data"]} == {"own"}

    def test_names_given_to_what_is_published_are_names(self, host: Ground, hand: Hand) -> None:
        hand.execute("echo mine > mine")
        for name in ("../../etc/passwd", host.fill("@FOLDER@/@MARK@"), "a\nb: c", 'a"; x="', "..", "\u202e.txt"):
            told = hand.wire.ask("POST", f"{hand.path}/files", json={"path": "mine", "filename": name})
            if told.status == 201:
                file = hand.wire.ask("GET", f"/v1/files/{told.json['id']}/content")
                assert file.body == b"mine\n"
                hand.wire.ask("DELETE", f"/v1/files/{told.json['id']}")

    def test_only_what_is_in_the_folder_of_outputs_is_downloaded(self, host: Ground, hand: Hand) -> None:
        assert hand.wire.raw("GET", f"{hand.path}/outputs/own").body == b"kept\n"
        out = [
            "..",
            "../results",
            "../../workspace/L",
            "sub/../../x",
            "//etc/passwd",
            "/etc/passwd",
            "own\0",
            "./../own",
        ]
        for path in [*map(host.fill, LEADING_OUT), *out, *(f"L/{name}" for name in LINKS), "x" * 3000]:
            for spelled in (quote(path, safe=""), quote(quote(path, safe=""), safe="")):
                told = hand.wire.raw("GET", f"{hand.path}/outputs/{spelled.replace('.', '%2E')}")
                assert told.refused, spelled
            # What a client library takes for a way up leads to another route.
            assert b"root:" not in hand.wire.raw("GET", f"{hand.path}/outputs/{quote(path)}").body
        for spelled in ("%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cetc", "%c0%ae%c0%ae/etc", "%ff", "%00"):
            assert hand.wire.raw("GET", f"{hand.path}/outputs/{spelled}").refused, spelled

    @pytest.mark.parametrize(
        ("tool", "more"),
        [
            ("read", {}),
            ("write", {"content": "x"}),
            ("edit", {"old_string": "root", "new_string": "x"}),
            ("glob", {"pattern": "**/*"}),
            ("grep", {"pattern": "."}),
        ],
    )
    def test_tools_stay_inside(self, host: Ground, hand: Hand, tool: str, more: Json) -> None:
        field = "path" if tool in ("glob", "grep") else "file_path"
        wanted = [*LEADING_OUT, *ELSEWHERE, "a\0b", "x" * 5000, "-e/etc/passwd"]
        begun = time.monotonic()
        results = hand.use(*((tool, {field: host.fill(path)} | more) for path in wanted))
        assert time.monotonic() - begun < 20
        texts = [json.dumps(one["content"]) for one in results]
        assert not any("sandbox stopped" in text or "internal error" in text for text in texts)
        out = [path for path, one in zip(LEADING_OUT, results, strict=False) if not one["is_error"]]
        assert out == []
        assert hand.execute("echo lives")["output"] == "lives\n"

    def test_patterns_do_not_climb(self, host: Ground, hand: Hand) -> None:
        patterns = [
            "../**/*",
            "/etc/*",
            "L/absolute/*",
            "../" * 20 + "*",
            host.fill("@FOLDER@/*"),
            "**/" * 40 + "x",
            "[" * 3000,
        ]
        results = hand.use(*(("glob", {"pattern": pattern}) for pattern in patterns))
        hand.use(*(("grep", {"pattern": "(a+)+$", "path": "L", "include": pattern}) for pattern in patterns))
        found = "\n".join(block.get("text", "") for one in results if not one["is_error"] for block in one["content"])
        assert not any("/.." in line for line in found.splitlines())

    def test_commands_of_clients_stay_inside(self, host: Ground, hand: Hand) -> None:
        looks = ("cat L/*/secret L/* 2>&1 | head -c 50000", "cat @FOLDER@/* @HOME@/* @STATE@/* 2>&1; env; true")
        for command in looks:
            hand.execute(host.fill(command))
        hand.execute(host.fill("echo x > L/fresh; echo x > L/open/@MARK@; echo x > @FOLDER@/@MARK@; true"))


class TestMountsOfFiles:
    """Where a client wants a file, and what the agent put there."""

    @pytest.fixture
    def upload(self, host: Ground) -> str:
        """A file to be attached."""
        made = host.api.client.post("/v1/files", files={"file": ("a.txt", b"attached", "text/plain")})
        return str(made.json()["id"])

    def test_whatever_is_asked_for_the_file_is_below_the_two_roots_and_the_session_goes_on(
        self, host: Ground, upload: str
    ) -> None:
        with host.hand() as hand:
            self._check_places(host, hand, upload)

    def _check_places(self, host: Ground, hand: Hand, upload: str) -> None:
        mark = host.mark
        hand.execute("true")
        places = (
            *(
                "..",
                ".",
                "/",
                "//",
                "/..",
                "~",
                "../",
                "/workspace",
                "/workspace/",
                "/workspace/..",
                UPLOADS,
                f"{UPLOADS}/",
            ),
            *(f"../../etc/cron.d/{mark}1", f"/etc/{mark}2", f"/proc/self/root/etc/{mark}3", f"/proc/1/root/{mark}4"),
            *(f"/workspace/../../etc/{mark}5", f"{UPLOADS}/../../../etc/{mark}6", f"{OUTPUTS}/{mark}7"),
            *(f"/dev/shm/{mark}8", f"/run/lambent/guest/{mark}9", f"%2e%2e/{mark}10", f"..\\..\\{mark}11"),
            *(f"a\nb/{mark}12", f"{host.folder}/{mark}13", f"{UPLOADS}/x/{mark}14", f"{UPLOADS}/x", "x" * 300),
            *("/workspace/clash", "/workspace/clash/below", "a\0b", "y" * 5000, "z/" * 500 + mark),
        )
        for place in places:
            body = {"type": "file", "file_id": upload, "mount_path": place}
            told = hand.wire.ask("POST", f"{hand.path}/resources", json=body)
            assert told.status in (200, 201, 400), place
        (said,) = hand.use(
            ("bash", {"command": "find / -xdev -size 8c -newer /proc/1 2>/dev/null; find /workspace /mnt"})
        )
        assert not said["is_error"], said
        found = hand.execute(f"find / -name '*{mark}*' -print0 2>/dev/null | tr '\\n\\0' ' \\n'; true")["output"].split(
            "\n"
        )
        assert len(found) > 10
        assert [one for one in found if one and not one.startswith((f"{UPLOADS}/", "/workspace/"))] == []

    def test_what_the_agent_puts_in_the_way_leads_nowhere_and_the_session_goes_on(
        self, host: Ground, upload: str
    ) -> None:
        ways = [f"/workspace/{number}" for number in range(len(TRAPS))]
        first = [{"type": "file", "file_id": upload, "mount_path": f"{way}/x"} for way in ways]
        with host.hand(resources=first) as hand:
            for way, trap in zip(ways, TRAPS, strict=True):
                hand.execute(host.fill(trap).replace("@WAY@", way).replace("@DEEP@", DEEP))
            for place in (f"later/{host.mark}", "file", *(f"{way}/{host.mark}" for way in ways)):
                hand.api.post(f"{hand.path}/resources", type="file", file_id=upload, mount_path=place)
            self._check_goes_on(hand)
            hand.end_computer()
            self._check_goes_on(hand)
            told = [event["message"] for event in host.api.log(hand.id) if event["type"] == "session.warning"]
            assert any("could not be put in its place" in text for text in told), told

    def _check_goes_on(self, hand: Hand) -> None:
        (said,) = hand.use(("bash", {"command": "echo lives"}))
        assert not said["is_error"], said
        assert "lives" in said["content"][-1]["text"]
        assert hand.execute(f"cat {UPLOADS}/file /etc/passwd | grep -c attached")["output"] == "1\n"


def test_repositories_are_cloned_into_the_workspace_or_not_at_all(host: Ground, hand: Hand) -> None:
    for place in (
        *("../x", "x", "/", "/etc", "/etc/@MARK@", "/workspace/../etc/@MARK@", "/workspace/a/../../@MARK@", "~/x"),
        *("/proc/self/root/@MARK@", "/mnt/session/uploads/x", "/workspacex", "/workspace/a\0b", "/workspace/a\nb"),
        *("/workspace/" + "x" * 5000, "//etc", "\\workspace\\x", "@FOLDER@/@MARK@", "", "--upload-pack=x"),
    ):
        repository = {"type": "github_repository", "url": "https://example.com/a/b", "mount_path": host.fill(place)}
        told = hand.wire.ask("POST", f"{hand.path}/resources", json=repository)
        assert told.status == 400, place


def test_a_hostile_workspace_is_kept_and_put_back_and_its_session_goes_on(host: Ground) -> None:
    with host.hand() as hand:
        said = hand.execute(f"python3 - <<'END'\n{host.fill(HOSTILE)}\nEND")
        assert said["exit_code"] == 0, said
        assert len(hand.wire.ask("GET", f"{hand.path}/outputs").json["data"]) == 3
        _check_put_back(hand)


def _check_put_back(hand: Hand) -> None:
    before = _looked(hand)
    hand.end_computer()
    after = _looked(hand)
    odd, links, many, modes, shut, depth, names = after
    assert odd == [name for name in before[0] if not name.startswith("\xff")]
    assert dict(map(tuple, before[1])).items() >= dict(map(tuple, links)).items()
    assert {name for name, _ in before[1]} - {name for name, _ in links} <= {"loop8"}
    assert (many, modes, shut) == (True, before[3], ["in"])
    assert 39 <= depth <= before[5]
    assert set(before[6]) - set(names) <= {"pipe", "socket", "\xff-folder", "loop8"}
    assert hand.execute("cat twin other-twin")["output"] == "keptkept"
    (told,) = hand.use(("bash", {"command": "cat loop4 loop5 loop6 2>&1; echo more > odd/more; echo lives"}))
    assert "lives" in told["content"][-1]["text"]
    hand.end_computer()
    assert hand.execute("cat odd/more")["output"] == "more\n"


def _looked(hand: Hand) -> list[Any]:
    said = hand.execute(f"python3 - <<'END'\n{LOOK}\nEND")
    found: list[Any] = json.loads(said["output"])
    return found


def test_nothing_of_the_host_was_stored_anywhere(host: Ground, hand: Hand) -> None:
    for word in host.forbidden:
        assert hand.execute(search(word))["output"] == ""
    check_stored(host)
