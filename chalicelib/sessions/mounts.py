"""Where repositories come from, and where they and files go. No error repeats a URL, for it may hold a secret."""

import posixpath
import re

from chalicelib.outbound.errors import UrlRefused
from chalicelib.outbound.url import parse

WORKSPACE = "/workspace"
UPLOADS = "/mnt/session/uploads"
_MOST = 1024
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]+")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
# Stricter than git: what stands here becomes an argument of a command.
_BRANCH = re.compile(r"(?!.*(\.\.|//|@\{|/\.|\.lock$|\.lock/))[A-Za-z0-9_][A-Za-z0-9_./#+=@%,-]*(?<![./])")


def checked_url(text: str) -> str:
    """An absolute http(s) URL of a repository, without user name, password, query and fragment. Raises ValueError."""
    try:
        parse(text)
    except UrlRefused as refused:
        raise ValueError("not an http(s) URL without user name and password") from refused
    if "?" in text or "#" in text:
        raise ValueError("a repository's URL has no query and no fragment")
    if not text.partition("://")[2].partition("/")[2].strip("/"):
        raise ValueError("the URL names no repository")
    return text


def default_mount(url: str) -> str:
    """Where a repository goes when nothing is said. Raises ValueError when its name makes no directory."""
    name = url.rstrip("/").rpartition("/")[2].removesuffix(".git")
    if not _NAME.fullmatch(name):
        raise ValueError("mount_path is required: the URL gives no name for the directory")
    return f"{WORKSPACE}/{name}"


def checked_mount(text: str) -> str:
    """A path in the workspace, in normal form. Raises ValueError."""
    if len(text) > _MOST or not _PLAIN.fullmatch(text):
        raise ValueError(f"must have at most {_MOST} characters, none of them a control character")
    path = "/" + posixpath.normpath(text).lstrip("/")
    inside = path == WORKSPACE or path.startswith(f"{WORKSPACE}/")
    if not text.startswith("/") or ".." in text.split("/") or not inside:
        raise ValueError(f"must be an absolute path under {WORKSPACE}")
    return path


def checked_file_mount(text: str) -> str:
    """A path that names a file, wherever it will stand. Raises ValueError."""
    if set(text.split("/")) <= {"", ".", ".."}:
        raise ValueError("must name a file")
    return text


def file_place(mount_path: str) -> str:
    """Where a file stands: as asked for below the two roots, anything else under the folder of uploads."""
    parts = [part for part in mount_path.split("/") if part not in ("", ".", "..")]
    path = "/" + "/".join(parts)
    is_kept = mount_path.startswith("/") and path.startswith((f"{UPLOADS}/", f"{WORKSPACE}/"))
    return path if is_kept else f"{UPLOADS}{path}"


def checked_branch(text: str) -> str:
    """The name of a branch. Raises ValueError."""
    if len(text) > _MOST or not _BRANCH.fullmatch(text):
        raise ValueError("not a branch name")
    return text


def checked_commit(text: str) -> str:
    """The hash of a commit, whole or its beginning. Raises ValueError."""
    if not _COMMIT.fullmatch(text):
        raise ValueError("must be 7 to 64 hexadecimal digits")
    return text.lower()
