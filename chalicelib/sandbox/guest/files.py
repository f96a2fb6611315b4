"""GET and POST /files: whole files in and out."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import metadata, paths, users
from .downloads import download
from .entries import readable
from .inflate import Inflated
from .multipart import Form
from .paths import Place
from .uploads import upload
from .wire import Handler, Json, Problem, Readable, Reply, Request, Routes


def _numbered(handler: Callable[[Request], Reply]) -> Handler:
    """This route tells its errors by number, not by word."""

    def answer(request: Request) -> Reply:
        try:
            users.check(request)
            return handler(request)
        except Problem as problem:
            return Json({"code": problem.status, "message": problem.message}, problem.status)

    return answer


def _read(request: Request) -> Reply:
    return download(paths.resolve(request.query.get("path", "")), request)


def _write(request: Request) -> Reply:
    labels = metadata.from_headers(request.headers)
    written = [_told(upload(path, content, labels), labels) for path, content in _sources(request)]
    if not written:
        raise Problem("invalid_argument", "no file was sent")
    return Json(written)


def _told(place: Place, labels: Mapping[str, str]) -> dict[str, Any]:
    name = place.shown.rpartition("/")[2]
    found: dict[str, Any] = {"name": readable(name), "path": readable(place.shown), "type": "file"}
    return {**found, "metadata": dict(labels)} if labels else found


def _sources(request: Request) -> Iterator[tuple[str, Readable]]:
    """(path, content) of each file sent."""
    path = request.query.get("path", "")
    body = _decoded(request)
    media_type = request.headers.get("content-type", "")
    kind = media_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        yield from _parts(Form(media_type, body), path)
    elif kind in ("application/octet-stream", ""):
        if not path:
            raise Problem("invalid_argument", "a path is needed")
        yield path, body
    else:
        raise Problem("invalid_argument", f"a body of type '{kind}' is not taken")


def _parts(form: Form, path: str) -> Iterator[tuple[str, Readable]]:
    used = False
    for part in form.parts():
        if part.name != "file" and part.filename is None:
            continue
        if used and path:
            raise Problem("invalid_argument", "a path was given, and more than one file")
        name = path or part.filename
        if not name:
            raise Problem("invalid_argument", "a file has no name")
        used = True
        yield name, part.content


def _decoded(request: Request) -> Readable:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding == "gzip":
        return Inflated(request.body)
    if coding not in ("identity", ""):
        raise Problem("invalid_argument", f"content encoding '{coding}' is not taken")
    return request.body


ROUTES: Routes = {("GET", "/files"): _numbered(_read), ("POST", "/files"): _numbered(_write)}
