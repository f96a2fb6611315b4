"""Files of a sandbox: through the files API, the file methods and commands they are the same."""

import io
import os
from pathlib import Path

import httpx2
import pytest
from e2b import FileNotFoundException, InvalidArgumentException, Sandbox, SandboxException
from e2b.sandbox.filesystem.filesystem import FileType

from tests.e2e.e2b.conftest import Options

LARGE = os.urandom(1 << 20) * 10


def test_text_bytes_and_nothing(sandbox: Sandbox) -> None:
    files = sandbox.files
    told = files.write("notes/ä b.txt", "grüße\n")
    assert (told.name, told.path, told.type) == ("ä b.txt", "/workspace/notes/ä b.txt", FileType.FILE)
    assert files.read("/workspace/notes/ä b.txt") == "grüße\n"
    assert files.read("~/notes/ä b.txt", format="bytes") == "grüße\n".encode()
    assert files.write("/home/user/home.txt", "x").name == "home.txt"
    assert files.read("home.txt") == "x"
    files.write("empty", b"")
    assert files.read("empty") == ""
    files.write("notes/ä b.txt", b"\x00\xff")
    assert bytes(files.read("notes/ä b.txt", format="bytes")) == b"\x00\xff"
    assert sandbox.commands.run("od -An -tx1 'notes/ä b.txt'").stdout.split() == ["00", "ff"]


def test_large_files_whole_streamed_and_compressed(sandbox: Sandbox, tmp_path: Path) -> None:
    files = sandbox.files
    files.write("plain", LARGE)
    files.write("packed", LARGE, gzip=True)
    files.write("object", io.BytesIO(LARGE))
    (tmp_path / "x").write_bytes(LARGE)
    with (tmp_path / "x").open("rb") as source:
        files.write("streamed", source, use_octet_stream=True)
    assert b"".join(files.read("plain", format="stream")) == LARGE
    for name in ("packed", "object", "streamed"):
        assert bytes(files.read(name, format="bytes")) == LARGE
    assert bytes(files.read("plain", format="bytes", gzip=True)) == LARGE
    assert sandbox.commands.run("sha256sum plain packed object streamed | cut -d' ' -f1 | uniq | wc -l").stdout == "1\n"


@pytest.mark.parametrize("octets", [False, True])
def test_several_at_once(sandbox: Sandbox, octets: bool) -> None:
    wanted = [{"path": f"d{number}/f {number}", "data": f"text {number}"} for number in range(5)]
    told = sandbox.files.write_files(wanted, use_octet_stream=octets)  # type: ignore[arg-type]
    assert [one.path for one in told] == [f"/workspace/d{number}/f {number}" for number in range(5)]
    assert [sandbox.files.read(str(one["path"])) for one in wanted] == [one["data"] for one in wanted]


def test_what_is_no_file_is_told_apart(sandbox: Sandbox) -> None:
    sandbox.files.make_dir("folder")
    with pytest.raises(FileNotFoundException):
        sandbox.files.read("missing")
    with pytest.raises(InvalidArgumentException):
        sandbox.files.read("folder")
    with pytest.raises(InvalidArgumentException):
        sandbox.files.write("folder", "text")


def test_folders(sandbox: Sandbox) -> None:
    files = sandbox.files
    assert files.make_dir("a/b") is True
    assert files.make_dir("a/b") is False
    files.write("a/one.txt", "1")
    files.write("a/b/two.txt", "22")
    assert {(one.name, one.type) for one in files.list("a")} == {("b", FileType.DIR), ("one.txt", FileType.FILE)}
    assert {one.path for one in files.list("a", depth=2)} == {
        "/workspace/a/b",
        "/workspace/a/one.txt",
        "/workspace/a/b/two.txt",
    }
    told = files.get_info("a/b/two.txt")
    assert (told.name, told.path, told.size, told.mode, told.permissions) == (
        "two.txt",
        "/workspace/a/b/two.txt",
        2,
        0o644,
        "-rw-r--r--",
    )
    assert files.exists("a/b/two.txt")
    assert files.rename("a/b/two.txt", "c/d/three.txt").path == "/workspace/c/d/three.txt"
    assert not files.exists("a/b/two.txt")
    assert files.read("c/d/three.txt") == "22"
    files.remove("a")
    files.remove("a")
    assert not files.exists("a/one.txt")
    with pytest.raises(FileNotFoundException):
        files.list("a")
    with pytest.raises(FileNotFoundException):
        files.rename("a", "b")
    with pytest.raises(InvalidArgumentException):
        files.list("c/d/three.txt")


def test_metadata_stays_with_a_file(sandbox: Sandbox) -> None:
    sandbox.files.write("a.txt", "x", metadata={"author": "me", "kind": "note"})
    assert sandbox.files.get_info("a.txt").metadata == {"author": "me", "kind": "note"}
    sandbox.files.write("a.txt", "y", metadata={"author": "you"})
    assert sandbox.files.list("/workspace")[0].metadata == {"author": "you"}


def test_signed_urls_work_alone(sandbox: Sandbox) -> None:
    path = "/workspace/in a folder/ü.txt"
    sent = httpx2.post(sandbox.upload_url(path), files={"file": ("ü.txt", b"uploaded")})
    assert sent.status_code == 200, sent.text
    assert sandbox.files.read(path) == "uploaded"
    assert httpx2.get(sandbox.download_url(path, use_signature_expiration=60)).content == b"uploaded"


def test_signed_urls_fail_when_altered_or_late(sandbox: Sandbox) -> None:
    sandbox.files.write("a.txt", "secret")
    url = sandbox.download_url("/workspace/a.txt")
    late = sandbox.download_url("/workspace/a.txt", use_signature_expiration=-1)
    for refused in (url.replace("a.txt", "b.txt"), url[:-3], late, url + "&username=root"):
        assert httpx2.get(refused).status_code == 401
    assert httpx2.post(url, files={"file": ("a.txt", b"x")}).status_code == 401
    assert sandbox.files.read("a.txt") == "secret"


def test_a_signed_url_ends_with_its_sandbox(sandbox: Sandbox) -> None:
    sandbox.files.write("a.txt", "secret")
    url = sandbox.download_url("/workspace/a.txt")
    sandbox.kill()
    assert httpx2.get(url).status_code in (401, 502)


def test_nothing_leads_out_of_the_workspace(sandbox: Sandbox) -> None:
    sandbox.commands.run("ln -s /etc out; ln -s /etc/hostname name; mkdir deep")
    files = sandbox.files
    for path in ("out/passwd", "../../etc/passwd", "/workspace/../etc/passwd", "name", "deep/../../etc/passwd"):
        with pytest.raises(SandboxException):
            files.read(path)
        with pytest.raises(SandboxException):
            files.write(path, "x")
        with pytest.raises(SandboxException):
            files.get_info(path)
    with pytest.raises(SandboxException):
        files.list("out")
    with pytest.raises(SandboxException):
        files.write("/etc/new", "x")
    with pytest.raises(SandboxException):
        files.make_dir("out/new")
    told = sandbox.commands.run("for f in /etc/new out/new ../new /usr/new; do touch $f 2>/dev/null || echo no; done")
    assert told.stdout == "no\n" * 4


def test_files_outlive_their_computer(sandbox: Sandbox, options: Options) -> None:
    sandbox.files.write("a.txt", "written")
    sandbox.commands.run("mkdir -p run && echo commanded > run/b.txt && chmod 750 run/b.txt && ln -s b.txt run/link")
    sandbox.files.rename("a.txt", "moved.txt")
    sandbox.pause(mode="filesystem")
    again = Sandbox.connect(sandbox.sandbox_id, **options)
    assert again.files.read("moved.txt") == "written"
    assert again.commands.run("cat run/link; stat -c %a run/b.txt; ls").stdout == "commanded\n750\nmoved.txt\nrun\n"
