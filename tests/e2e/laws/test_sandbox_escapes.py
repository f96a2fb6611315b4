"""Attempts to get out of a sandbox through the routes of E2B clients that take paths, names and places.

Whatever is asked for, with whatever the sandbox was made to hold: nothing of the host is
told and nothing on it is changed, every answer has an end and comes in time, and those beside notice nothing.
"""

import base64
import hashlib
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.e2e.laws.escapes import OCTETS, Box, Ground, check_stored, ground, links, search
from tests.e2e.laws.ways_out import DEEP, ELSEWHERE, LEADING_OUT, LINKS, SPECIAL


@pytest.fixture(scope="module")
def host() -> Iterator[Ground]:
    """A host to break into, with what the attacker prepared in two sandboxes."""
    with ground() as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_happened(host: Ground) -> Iterator[None]:
    """After each attempt all around is as it was, and the attacker's own sandbox can still be used."""
    yield
    host.check()
    assert host.box.write("own", b"lives").status == 200
    assert host.box.read("own").body == b"lives"


def _all_ways_in(box: Box, path: str) -> dict[str, int]:
    """The status of every route of E2B clients that opens, lists or makes what a path names."""
    name = f'name="file"; filename="{path}"'.encode()
    return {
        "read": box.read(path).status,
        "write": box.write(path).status,
        "form": box.form(b'name="file"; filename="a"', path).status,
        "named": box.form(name).status,
        "stat": box.method("Stat", path=path).status,
        "list": box.method("ListDir", path=path, depth=3).status,
        "make": box.method("MakeDir", path=path).status,
        "below": box.method("MakeDir", path=f"{path}/below").status,
        "onto": box.method("Move", source="moved", destination=path).status,
        "watch": _watched(box, path),
    }


def _watched(box: Box, path: str) -> int:
    told = box.method("CreateWatcher", path=path, recursive=True)
    if told.status == 200:
        box.method("RemoveWatcher", **told.json)
    return told.status


class TestPathsOfE2B:
    """Files and folders, by every route of the data plane."""

    @pytest.mark.parametrize("path", LEADING_OUT)
    def test_what_leads_out_of_the_workspace_is_refused(self, host: Ground, path: str) -> None:
        box, path = host.box, host.fill(path)
        box.run(f"{links(host, 'L') if path.startswith('L/') else 'mkdir -p deep'}; echo x > moved")
        answers = _all_ways_in(box, path)
        if path.removeprefix("L/") in LINKS:
            # A move onto a link takes its place and goes nowhere.
            answers.pop("onto")
        assert {way: status for way, status in answers.items() if not 400 <= status < 500} == {}
        box.start("pwd; ls -la; cat secret", cwd=path)
        box.method("Move", source=path, destination="moved away")
        box.method("Remove", path=path)
        box.run("rm -rf 'moved away'")

    @pytest.mark.parametrize("path", ELSEWHERE)
    def test_what_is_elsewhere_is_the_sandboxs_own(self, host: Ground, path: str) -> None:
        box, path = host.box, host.fill(path)
        box.write("moved")
        _all_ways_in(box, path)
        box.start("pwd; ls -la; cat secret", cwd=path)
        box.method("Move", source=path, destination="moved away")
        box.method("Remove", path=path)
        box.method("Remove", path="moved away")
        assert box.run("cat /etc/passwd").startswith("root:x:0")

    def test_what_only_looks_like_a_way_out_is_a_name_in_the_workspace(self, host: Ground) -> None:
        for name in (
            *("%2e%2e/%2e%2e/etc/@MARK@", "..\\..\\etc\\@MARK@", "C:\\@MARK@", "....//....//@MARK@", "~root/@MARK@"),
            *(
                "$HOME/@MARK@",
                "`touch @FOLDER@/@MARK@`",
                "a\nb/@MARK@",
                '"; touch @FOLDER@/@MARK@; "',
                "*",
                "-rf @MARK@",
            ),
            "\u2025/\u2024\u2024/@MARK@",
        ):
            self._check_name(host.box, host.fill(name))

    def _check_name(self, box: Box, path: str) -> None:
        told = box.write(path, b"plain")
        assert told.status == 200
        (written,) = told.json
        assert written["path"] == "/workspace/" + path.replace("//", "/")
        assert box.read(path).body == b"plain"
        assert box.method("Stat", path=path).json["entry"]["size"] == "5"
        assert box.method("Remove", path=path).status == 200

    @pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000, ("d" * 50 + "/") * 100 + "f", "L/loop/x", "x" * 256])
    def test_what_is_no_path_is_refused(self, host: Ground, path: str) -> None:
        host.box.run(links(host, "L"))
        answers = _all_ways_in(host.box, path)
        if not path:
            # Nothing means the workspace, which can be looked at.
            known = ("stat", "list", "watch", "below", "form")
            answers = {way: status for way, status in answers.items() if way not in known}
            host.box.run("rm -rf a below")
        assert {way: status for way, status in answers.items() if not 400 <= status < 500} == {}

    def test_a_path_that_is_not_unicode_is_refused(self, host: Ground) -> None:
        for name in ("Stat", "ListDir", "MakeDir", "Remove"):
            path, headers = f"/filesystem.Filesystem/{name}", {"content-type": "application/json"}
            for body in (b'{"path": "\\ud800"}', b'{"path": "\xff"}', b'{"path": ["a"]}', b'{"path": {"a": 1}}', b"[]"):
                assert host.box.wire.ask("POST", path, content=body, headers=headers).refused, (name, body)
        assert host.box.wire.raw("GET", "/files?path=%ff%fe").refused
        assert host.box.wire.raw("POST", "/files?path=%00", content=b"x", headers=OCTETS).refused


class TestNamesInForms:
    """The name that a form gives its file."""

    LEADING_OUT = (
        *("../@MARK@", "/workspace/../@MARK@", "../../../../..@FOLDER@/@MARK@", "L/absolute/@MARK@"),
        *("L/chain@FOLDER@/@MARK@", "archive.zip/../../@MARK@", "a\0../@MARK@", "x" * 5000, "/etc/@MARK@"),
        *("/usr/bin/@MARK@", "/proc/self/root/@MARK@", "/proc/1/root/@MARK@", "..", ".", "/", "~", ""),
    )

    @pytest.mark.parametrize("spelling", ["plain", "encoded"])
    def test_one_that_leads_out_is_refused(self, host: Ground, spelling: str) -> None:
        host.box.run(links(host, "L"))
        for name in map(host.fill, self.LEADING_OUT):
            said = f"filename*=utf-8''{quote(name, safe='')}" if spelling == "encoded" else f'filename="{name}"'
            assert host.box.form(f'name="file"; {said}'.encode()).refused, name

    def test_one_that_is_none_is_refused_or_stays_inside(self, host: Ground) -> None:
        box, mark = host.box, host.mark.encode()
        for head in (
            b'name="file"; filename="\xff\xfe"',
            b'name="file"; filename="a"; filename*=utf-8\'\'..%2F..%2F' + mark,
            b'name="file"; filename="..%2F..%2F' + mark + b'"',
            b'name="file"; filename="..\\..\\' + mark + b'"',
            b'name="file"; filename="a%0d%0ax"',
            b'name="../' + mark + b'"; filename="b"',
            b'name="path"\r\n\r\n/etc/'
            + mark
            + b'\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="c"',
        ):
            told = box.form(head)
            assert told.refused or all(one["path"].startswith("/workspace/") for one in told.json), head


class TestSignedURLs:
    """One opens one path, in one direction, of one sandbox."""

    def test_one_for_another_path_or_sandbox_opens_nothing(self, host: Ground) -> None:
        box = host.box
        box.write("a", b"signed for")
        good = _signature(box, "a", "read")
        assert host.box.bare.ask("GET", "/files", params={"path": "a", "signature": good}).body == b"signed for"
        for path in ("b", "./a", "a/", "a/../own", "/workspace/a", "a\0", "A", "/etc/passwd", "../a", ""):
            for method in ("GET", "POST"):
                asked = {"path": path, "signature": good}
                assert box.bare.ask(method, "/files", params=asked, headers=OCTETS).status in (400, 401), path
        for more in ({"username": "root"}, {"signature_expiration": "9999999999"}):
            assert box.bare.ask("GET", "/files", params={"path": "a", "signature": good} | more).status == 401
        foreign = {"e2b-sandbox-id": host.theirs.id}
        assert box.bare.ask("GET", "/files", params={"path": "a", "signature": good}, headers=foreign).status == 401

    def test_one_for_a_path_that_leads_out_opens_no_more_than_the_token(self, host: Ground) -> None:
        host.box.run(links(host, "L"))
        for path in ("../etc/passwd", "L/passwd", "L/open/secret", "/workspace/../etc/passwd"):
            for operation, method in (("read", "GET"), ("write", "POST")):
                asked = {"path": path, "signature": _signature(host.box, path, operation)}
                assert host.box.bare.ask(method, "/files", params=asked, headers=OCTETS).status == 403, path


def _signature(box: Box, path: str, operation: str) -> str:
    digest = hashlib.sha256(f"{path}:{operation}::{box.token}".encode()).digest()
    return "v1_" + base64.b64encode(digest).decode().rstrip("=")


class TestWhatIsNoPlainFile:
    """Pipes, sockets, devices, closed files: nobody waits for them and nobody is fed by them."""

    @pytest.fixture
    def made(self, host: Ground) -> Iterator[Box]:
        """A sandbox with one of each."""
        box = host.box
        box.write("plain")
        assert box.run(f"python3 -c '{SPECIAL}' 2>&1") == ""
        yield box
        box.run("chmod -R u+rwx special; rm -rf special")

    @pytest.mark.parametrize("name", ["pipe", "socket", "closed", "shut/in", "link"])
    def test_it_is_refused_at_once(self, made: Box, name: str) -> None:
        path = f"special/{name}"
        begun = time.monotonic()
        assert made.read(path).refused
        assert made.write(path).refused
        assert made.form(b'name="file"; filename="a"', path).refused
        assert made.method("ListDir", path=path).refused
        assert made.method("MakeDir", path=path).refused
        assert _watched(made, path) in range(400, 500)
        assert time.monotonic() - begun < 4

    @pytest.mark.parametrize("name", ["pipe", "socket", "closed", "shut", "."])
    def test_it_may_be_moved_to_another_file_system_whole_or_not_at_all(self, made: Box, name: str) -> None:
        source = f"special/{name}".removesuffix("/.")
        before = made.run("ls -RA special 2> /dev/null")
        told = made.method("Move", source=source, destination="/tmp/moved")
        if told.refused:
            assert made.run("ls -RA special 2> /dev/null; ls -d /tmp/moved* 2> /dev/null") == before
        made.run("chmod -R u+rwx /tmp/moved; rm -rf /tmp/moved")

    def test_files_that_the_kernel_makes_up_end(self, host: Ground) -> None:
        assert host.box.read("/proc/self/maps").status == 200
        for path in ("/proc/self/pagemap", "/proc/self/mem"):
            assert host.box.read(path).refused
        assert host.box.run("cat /proc/loadavg") != ""

    def test_a_hard_link_to_what_is_not_its_own_cannot_be_made(self, host: Ground) -> None:
        said = host.box.run(
            "for f in /etc/passwd /usr/bin/id /run/lambent/guest/guest/run.py; do ln $f hard || echo no; done"
        )
        assert said.count("no\n") == 3

    def test_a_file_with_a_hole_does_not_fill_the_store(self, host: Ground) -> None:
        host.box.run("truncate -s 64M hole || true; truncate -s 8E hole2 || true; ls -la")
        assert host.box.method("Stat", path="hole").status in (200, 404)
        host.box.run("rm -f hole hole2")


class TestRaces:
    """A folder becomes a link, and a folder again, while clients use it."""

    SWAP = "while [ ! -e stop ]; do mv -T d was; ln -sT {target} d; rm d; mv -T was d; done"

    @pytest.mark.parametrize("target", ["@FOLDER@", "/proc/self/root/etc", "/mnt/session/uploads"])
    def test_nothing_gets_out_in_between(self, host: Ground, target: str) -> None:
        box, mark = host.box, host.mark
        swap = host.fill(self.SWAP.format(target=target))
        box.run(f"rm -rf d was stop; mkdir d; echo mine > d/secret; ( {swap} ) > /dev/null 2>&1 &")
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            told = box.read("d/secret")
            assert told.refused or told.body == b"mine\n"
            box.write(f"d/{mark}")
            box.form(b'name="file"; filename="a"', f"d/{mark}")
            box.method("MakeDir", path=f"d/{mark}-folder/in")
            box.method("ListDir", path="d", depth=4)
            box.method("Move", source=f"d/{mark}", destination=f"d/{mark}-moved")
            box.method("Remove", path=f"d/{mark}-folder")
        box.run("touch stop; sleep 0.05; rm -rf d was stop")


class TestMeasureless:
    """Depth, width and length."""

    def test_a_tree_of_any_depth_is_listed_watched_moved_and_removed(self, host: Ground) -> None:
        box = host.box
        box.run(f"mkdir deepest; cd deepest; {DEEP}")
        listed = box.method("ListDir", path="deepest", depth=10**9)
        assert listed.status == 200
        assert len(listed.json["entries"]) == 1200
        assert _watched(box, "deepest") in (200, 400, 429)
        assert box.method("Move", source="deepest", destination="moved-deepest").status == 200
        box.method("Move", source="moved-deepest", destination="/tmp/moved-deepest")
        box.method("Remove", path="/tmp/moved-deepest")
        box.method("Remove", path="moved-deepest")
        assert box.run("rm -rf moved-deepest /tmp/moved-deepest; ls") == box.run("ls")

    def test_a_folder_of_five_thousand_is_listed(self, host: Ground) -> None:
        box = host.box
        box.run("mkdir wide; cd wide; touch $(seq 5000)")
        assert len(box.method("ListDir", path="wide").json["entries"]) == 5000
        assert box.method("Remove", path="wide").status == 200

    def test_odd_depths_do_no_harm(self, host: Ground) -> None:
        for depth in (-1, 1.5, "1", [1], 10**30, True):
            told = host.box.method("ListDir", path="/workspace", depth=depth)
            assert told.refused or told.status == 200


def test_nothing_of_the_host_was_stored_anywhere(host: Ground) -> None:
    for word in host.forbidden:
        assert host.box.run(search(word)) == ""
    check_stored(host)
