"""Skills for tests: their guides, archives and forms."""

import io
import stat
import zipfile
from collections.abc import Mapping

Content = Mapping[str, bytes | str]


def guide(name: str, description: str = "Folds paper.", body: str = "Fold it twice.") -> str:
    """A guide with front matter."""
    return f"---\nname: {name}\ndescription: {description}\n---\n{body}\n"


def files_of(name: str, top: str = "", **more: str) -> dict[str, str]:
    """A skill with a guide, a page to read and a program, below a top folder if one is named."""
    found = {"SKILL.md": guide(name), "pages/more.md": "# More\n", "run.sh": "#!/bin/sh\necho folded $1\n"} | more
    return {f"{top}/{path}" if top else path: text for path, text in found.items()}


def zip_of(files: Content, executable: tuple[str, ...] = (), modes: Mapping[str, int] | None = None) -> bytes:
    """An archive; all of its entries carry a mode, so that nothing is guessed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, (2026, 1, 2, 3, 4, 6))
            usual = stat.S_IFREG | (0o755 if path in executable else 0o644)
            entry.external_attr = (modes or {}).get(path, usual) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def form_of(files: Content, part: str = "files[]") -> list[tuple[str, tuple[str, bytes]]]:
    """The files as parts of a form."""
    return [(part, (path, text.encode() if isinstance(text, str) else text)) for path, text in files.items()]


def json_of(files: Mapping[str, str]) -> list[dict[str, str]]:
    """The files as a JSON body has them."""
    return [{"filename": path, "content": text} for path, text in files.items()]


def unzipped(raw: bytes) -> dict[str, bytes]:
    """The files of an archive."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def modes_of(raw: bytes) -> dict[str, int]:
    """The permissions in an archive."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {entry.filename: stat.S_IMODE(entry.external_attr >> 16) for entry in archive.infolist()}
