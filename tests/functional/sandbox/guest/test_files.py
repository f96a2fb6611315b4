"""Whole files in and out."""

import gzip
import os
import resource
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

OCTETS = {"content-type": "application/octet-stream"}


def put(guest: Any, path: str, data: Any, **headers: str) -> httpx2.Response:
    return guest.http.post("/files", params={"path": path}, content=data, headers={**OCTETS, **headers})


def get(guest: Any, path: str, **headers: str) -> httpx2.Response:
    return guest.http.get("/files", params={"path": path}, headers=headers)


def test_ten_mebibytes_are_the_same_both_ways(guest: Any, folder: str) -> None:
    data = os.urandom(10 << 20)
    assert put(guest, f"{folder}/big", data).json() == [{"name": "big", "path": f"{folder}/big", "type": "file"}]
    assert get(guest, f"{folder}/big").content == data


def test_a_body_of_unknown_length_is_taken(guest: Any, folder: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (b"a" * 70_000, b"b", b"c" * 5)

    assert put(guest, f"{folder}/x", pieces()).status_code == 200
    assert get(guest, f"{folder}/x").content == b"a" * 70_000 + b"b" + b"c" * 5


def test_an_empty_file(guest: Any, folder: str) -> None:
    assert put(guest, f"{folder}/empty", b"").status_code == 200
    answer = get(guest, f"{folder}/empty")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "name", ["dir/ä b.txt", 'a"b.txt', "100%20.txt", "back\\slash", "per%cent;x=1", "plus+plus", "日本"]
)
def test_names_survive_a_form(guest: Any, folder: str, name: str) -> None:
    path = f"{folder}/{name}"
    answer = guest.http.post("/files", files={"file": (path, b"x")})
    assert answer.json() == [{"name": name.rpartition("/")[2], "path": path, "type": "file"}]
    assert (guest.root / path.lstrip("/")).read_bytes() == b"x"
    assert get(guest, path).content == b"x"


def test_several_files_in_one_form_keep_their_folders_and_order(guest: Any, folder: str) -> None:
    sent = [(f"{folder}/one/a.txt", b"1"), (f"{folder}/two/deep/b.txt", b"2" * 200_000), (f"{folder}/c", b"")]
    answer = guest.http.post("/files", files=[("file", pair) for pair in sent])
    assert [one["path"] for one in answer.json()] == [path for path, _ in sent]
    assert [get(guest, path).content for path, _ in sent] == [data for _, data in sent]


def test_the_query_names_the_only_file_of_a_form(guest: Any, folder: str) -> None:
    assert (
        guest.http.post(f"/files?path={folder}/q", files={"file": ("other", b"x")}).json()[0]["path"] == f"{folder}/q"
    )
    two = guest.http.post(f"/files?path={folder}/q", files=[("file", ("a", b"1")), ("file", ("b", b"2"))])
    assert two.status_code == 400


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"--x--\r\n",
        b"--x\r\nContent-Dis",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhalf',
    ],
)
def test_a_form_without_a_whole_file_is_refused(guest: Any, content: bytes) -> None:
    answer = guest.http.post("/files", content=content, headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 400
    assert answer.json()["code"] == 400
    assert not (guest.workspace / "f").exists()


def test_packed_bodies(guest: Any, folder: str) -> None:
    data = os.urandom(1000) + b"x" * 300_000
    members = gzip.compress(data[:5000]) + gzip.compress(data[5000:])
    assert put(guest, f"{folder}/z", members, **{"content-encoding": "gzip"}).status_code == 200
    assert get(guest, f"{folder}/z").content == data
    for broken in (b"not packed", gzip.compress(data)[:-9]):
        assert put(guest, f"{folder}/broken", broken, **{"content-encoding": "gzip"}).status_code == 400
    assert get(guest, f"{folder}/broken").status_code == 404


def test_labels_are_kept_shown_and_replaced_as_a_whole(guest: Any, folder: str) -> None:
    first = put(guest, f"{folder}/m", b"x", **{"x-metadata-author": "a b", "x-metadata-n": "1"})
    assert first.json()[0]["metadata"] == {"author": "a b", "n": "1"}
    stat = guest.call("/filesystem.Filesystem/Stat", {"path": f"{folder}/m"})
    assert stat["entry"]["metadata"] == {"author": "a b", "n": "1"}
    put(guest, f"{folder}/m", b"x", **{"x-metadata-n": "2"})
    assert guest.call("/filesystem.Filesystem/Stat", {"path": f"{folder}/m"})["entry"]["metadata"] == {"n": "2"}
    put(guest, f"{folder}/m", b"x")
    assert "metadata" not in guest.call("/filesystem.Filesystem/Stat", {"path": f"{folder}/m"})["entry"]
    assert put(guest, f"{folder}/m", b"x", **{"x-metadata-n": "v" * 5000}).status_code == 400


def test_a_file_is_replaced_with_its_mode_kept(guest: Any, folder: str) -> None:
    real = guest.root / folder.lstrip("/") / "script"
    put(guest, f"{folder}/script", b"old")
    assert real.stat().st_mode & 0o777 == 0o644
    real.chmod(0o755)
    put(guest, f"{folder}/script", b"new")
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (b"new", 0o755)
    assert real.parent.stat().st_mode & 0o777 == 0o755


def test_what_is_no_file_is_refused_in_numbers(guest: Any, folder: str) -> None:
    put(guest, f"{folder}/file", b"x")
    os.mkfifo(guest.root / folder.lstrip("/") / "pipe")
    got = [get(guest, path).json() for path in (f"{folder}/none", folder, f"{folder}/pipe", "../../etc/passwd")]
    assert [one["code"] for one in got] == [404, 400, 400, 403]
    assert not any(str(guest.root) in one["message"] for one in got)
    wrote = [put(guest, path, b"x").json() for path in (folder, f"{folder}/pipe", f"{folder}/file/below", "a\0b")]
    assert [one["code"] for one in wrote] == [400, 400, 400, 400]


def test_links_lead_to_files_inside_and_nowhere_outside(guest: Any, folder: str) -> None:
    real = guest.root / folder.lstrip("/")
    put(guest, f"{folder}/target", b"old")
    (real / "link").symlink_to("target")
    (real / "escape").symlink_to("/etc")
    (real / "loop").symlink_to("loop")
    put(guest, f"{folder}/link", b"new")
    assert get(guest, f"{folder}/target").content == b"new"
    assert (real / "link").is_symlink()
    assert get(guest, f"{folder}/escape/passwd").status_code == 403
    assert put(guest, f"{folder}/escape/new", b"x").status_code == 403
    assert get(guest, f"{folder}/loop").status_code == 400


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=10-", 416, None),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
    ],
)
def test_ranges(guest: Any, folder: str, wanted: str, status: int, body: bytes | None) -> None:
    put(guest, f"{folder}/r", b"0123456789")
    answer = get(guest, f"{folder}/r", range=wanted)
    assert answer.status_code == status
    assert body is None or answer.content == body


def test_files_the_kernel_makes_up_are_read_to_their_end(guest: Any) -> None:
    assert b"MemTotal" in get(guest, "/proc/meminfo").content


def test_users(guest: Any, folder: str) -> None:
    params = {"path": f"{folder}/u", "username": "root"}
    assert guest.http.post("/files", params=params, content=b"x", headers=OCTETS).status_code == 200
    refused = guest.http.get("/files", params={**params, "username": "mallory"})
    assert (refused.status_code, refused.json()["code"]) == (401, 401)


def test_a_full_disk_leaves_nothing_behind(start_guest: Callable[..., Any]) -> None:
    guest = start_guest()
    guest.call("/filesystem.Filesystem/Stat", {"path": ""})
    # The same refusal as that of a full disk, without filling one.
    resource.prlimit(guest.process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    answer = put(guest, "new/folder/big", b"x" * (3 << 20))
    assert (answer.status_code, answer.json()["code"]) == (507, 507)
    assert list(guest.workspace.iterdir()) == []
    assert put(guest, "small", b"x").status_code == 200


def test_a_client_that_breaks_off_leaves_nothing_behind(guest: Any, folder: str) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(guest.socket)
        head = f"POST /files?path={folder}/half HTTP/1.1\r\nhost: g\r\ncontent-length: 1000000\r\n"
        raw.sendall(head.encode() + b"content-type: application/octet-stream\r\n\r\n" + b"x" * 100_000)
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(10) == b""
    assert list((guest.root / folder.lstrip("/")).iterdir()) == []


def test_readers_never_see_half_a_file(guest: Any, folder: str) -> None:
    versions = [bytes([65 + number]) * 500_000 for number in range(4)]
    put(guest, f"{folder}/v", versions[0])

    def use(number: int) -> list[bytes]:
        if number % 2:
            return [get(guest, f"{folder}/v").content for _ in range(8)]
        return [versions[0] for version in versions if put(guest, f"{folder}/v", version).status_code == 200]

    with ThreadPoolExecutor(8) as pool:
        seen = [content for contents in pool.map(use, range(8)) for content in contents]
    assert len(seen) == 48
    assert set(seen) <= set(versions)


def test_the_same_bytes_by_file_and_by_command(guest: Any, folder: str, tmp_path: Path) -> None:
    put(guest, f"{folder}/shared", "ünïcode".encode())
    assert guest.run("cat shared && printf back > answer", cwd=folder).text == "ünïcode"
    assert get(guest, f"{folder}/answer").content == b"back"
