#!/usr/bin/env python3
"""Texts of PowerPoint slides to and from plain text, with Python's standard library alone."""

import argparse
import posixpath
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
SHOW = "http://schemas.openxmlformats.org/presentationml/2006/main"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
A, P = f"{{{DRAWING}}}", f"{{{SHOW}}}"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
DEEPEST = 4
NAMESPACES = f'xmlns:a="{DRAWING}" xmlns:r="{DOCUMENT}" xmlns:p="{SHOW}"'
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


class BadPresentation(Exception):
    """The file is no presentation that can be read."""


@dataclass
class Slide:
    """A slide as text: points with their level, and notes."""

    title: str = ""
    points: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Presentation:
    """An open presentation."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def _xml(self, member: str) -> ElementTree.Element:
        try:
            with self._archive.open(member) as file:
                return ElementTree.parse(file).getroot()  # noqa: S314 - nothing outside of the file is ever read
        except (KeyError, ElementTree.ParseError) as error:
            raise BadPresentation(f"{member} is missing or damaged") from error

    def _links(self, member: str) -> dict[str, tuple[str, str]]:
        """(kind, member) of what a part leads to, by id."""
        folder, name = posixpath.split(member)
        links = f"{folder}/_rels/{name}.rels"
        if links not in self._archive.namelist():
            return {}
        found = {}
        for one in self._xml(links):
            target = one.get("Target", "")
            place = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[one.get("Id", "")] = (one.get("Type", "").rpartition("/")[2], place)
        return found

    def slides(self) -> Iterator[str]:
        """The text of each slide, in the order of the show. Raises BadPresentation."""
        links = self._links("ppt/presentation.xml")
        for one in self._xml("ppt/presentation.xml").iter(f"{P}sldId"):
            kind, member = links.get(one.get(f"{{{DOCUMENT}}}id", ""), ("", ""))
            if kind == "slide":
                yield self._slide(member)

    def _slide(self, member: str) -> str:
        root = self._xml(member)
        title, lines = "", []
        for shape in _shapes(root):
            paragraphs = list(_paragraphs(shape))
            if not title and _placeholder(shape) in ("title", "ctrTitle"):
                title = " ".join(text for _, text in paragraphs)
                continue
            lines += [f"{'  ' * level}- {text}" for level, text in paragraphs]
        hidden = " (hidden)" if root.get("show") == "0" else ""
        notes = [
            f"> {text}"
            for kind, place in self._links(member).values()
            if kind == "notesSlide"
            for text in self._notes(place)
        ]
        return "\n".join([f"# {title}{hidden}".rstrip(), *lines, *notes])

    def _notes(self, member: str) -> Iterator[str]:
        for shape in _shapes(self._xml(member)):
            if _placeholder(shape) == "body":
                yield from (text for _, text in _paragraphs(shape))


def _shapes(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """Everything with text on a slide, also inside of groups."""
    for node in root.iter():
        if node.tag in (f"{P}sp", f"{P}graphicFrame"):
            yield node


def _placeholder(shape: ElementTree.Element) -> str:
    found = shape.find(f".//{P}nvPr/{P}ph")
    return "" if found is None else found.get("type", "")


def _paragraphs(shape: ElementTree.Element) -> Iterator[tuple[int, str]]:
    """(level, text) of what a shape says; rows of a table count as paragraphs."""
    if _placeholder(shape) in ("sldNum", "dt", "ftr"):
        return
    rows = list(shape.iter(f"{A}tr"))
    for row in rows:
        cells = (" ".join(_said(one) for one in cell.iter(f"{A}p")) for cell in row.iter(f"{A}tc"))
        yield 0, " | ".join(cells)
    for paragraph in shape.iter(f"{A}p") if not rows else ():
        text = _said(paragraph)
        if text.strip():
            properties = paragraph.find(f"{A}pPr")
            yield int(properties.get("lvl", "0")) if properties is not None else 0, text


def _said(paragraph: ElementTree.Element) -> str:
    parts = (
        "\v" if node.tag == f"{A}br" else node.text or ""
        for node in paragraph.iter()
        if node.tag in (f"{A}t", f"{A}br")
    )
    return "".join(parts).replace("\v", " ")


def slides_of(text: str) -> list[Slide]:
    """The slides a text describes."""
    slides: list[Slide] = []
    for line in CONTROL.sub("", text.replace("\r\n", "\n")).split("\n"):
        bare = line.strip()
        if line.startswith("# ") or (bare and not slides):
            slides.append(Slide(bare.removeprefix("# ")))
        elif bare.startswith("> ") or bare == ">":
            slides[-1].notes.append(bare[1:].strip())
        elif bare:
            level = (len(line) - len(line.lstrip(" "))) // 2
            slides[-1].points.append((min(level, DEEPEST), bare.removeprefix("- ")))
    return slides


def _shape(number: int, name: str, kind: str, paragraphs: str, place: str = "") -> str:
    where = f"<p:spPr>{place}</p:spPr>" if place else "<p:spPr/>"
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="{name}"/><p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr>'
        f"<p:nvPr><p:ph {kind}/></p:nvPr></p:nvSpPr>{where}<p:txBody><a:bodyPr/><a:lstStyle/>"
        f"{paragraphs or '<a:p/>'}</p:txBody></p:sp>"
    )


def _p(text: str, level: int = 0) -> str:
    properties = f'<a:pPr lvl="{level}"/>' if level else ""
    return f'<a:p>{properties}<a:r><a:rPr lang="en-US"/><a:t>{escape(text)}</a:t></a:r></a:p>'


def _tree(shapes: str) -> str:
    return (
        '<p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
        f"{shapes}</p:spTree></p:cSld>"
    )


def _place(x: int, y: int, width: int, height: int) -> str:
    box = f'<a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm>'
    return f'{box}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'


TITLE_PLACE, BODY_PLACE = _place(838200, 365125, 10515600, 1325563), _place(838200, 1825625, 10515600, 4351338)


def _slide_xml(slide: Slide) -> str:
    title = _shape(2, "Title", 'type="title"', _p(slide.title) if slide.title else "")
    body = _shape(3, "Content", 'idx="1"', "".join(_p(text, level) for level, text in slide.points))
    return f"{HEAD}<p:sld {NAMESPACES}>{_tree(title + body)}<p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sld>"


def _notes_xml(slide: Slide) -> str:
    body = _shape(2, "Notes", 'type="body" idx="1"', "".join(map(_p, slide.notes)))
    return f"{HEAD}<p:notes {NAMESPACES}>{_tree(body)}<p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:notes>"


COLOURS = '<p:clrMap bg1="lt1" tx1="dk1" bg2="lt2" tx2="dk2" accent1="accent1" accent2="accent2" accent3="accent3" '
COLOURS += 'accent4="accent4" accent5="accent5" accent6="accent6" hlink="hlink" folHlink="folHlink"/>'


def _levels(tag: str, size: int, bullet: str) -> str:
    levels = "".join(
        f'<a:lvl{n}pPr marL="{228600 + 457200 * (n - 1) if bullet else 0}" indent="{-228600 if bullet else 0}">'
        f'{bullet or "<a:buNone/>"}<a:defRPr sz="{max(size - 400 * (n - 1), 1600)}"><a:solidFill>'
        f'<a:schemeClr val="tx1"/>'
        f'</a:solidFill><a:latin typeface="+mn-lt"/></a:defRPr></a:lvl{n}pPr>'
        for n in range(1, 6 if bullet else 2)
    )
    return f"<p:{tag}>{levels}</p:{tag}>"


def _master_xml() -> str:
    shapes = _shape(2, "Title", 'type="title"', _p("Title"), TITLE_PLACE)
    shapes += _shape(3, "Text", 'type="body" idx="1"', _p("Text"), BODY_PLACE)
    bullet = '<a:buFont typeface="Arial"/><a:buChar char="•"/>'
    styles = _levels("titleStyle", 4000, "") + _levels("bodyStyle", 2800, bullet) + "<p:otherStyle/>"
    layouts = '<p:sldLayoutIdLst><p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst>'
    inner = f"{_tree(shapes)}{COLOURS}{layouts}<p:txStyles>{styles}</p:txStyles>"
    return f"{HEAD}<p:sldMaster {NAMESPACES}>{inner}</p:sldMaster>"


def _layout_xml() -> str:
    shapes = _shape(2, "Title", 'type="title"', _p("Title")) + _shape(3, "Content", 'idx="1"', _p("Text"))
    return (
        f'{HEAD}<p:sldLayout {NAMESPACES} type="obj">{_tree(shapes)}<p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr>'
        "</p:sldLayout>"
    )


def _notes_master_xml() -> str:
    body = _shape(2, "Notes", 'type="body" idx="1"', _p("Notes"), _place(685800, 4400550, 5486400, 3600450))
    return f"{HEAD}<p:notesMaster {NAMESPACES}>{_tree(body)}{COLOURS}</p:notesMaster>"


def _theme_xml() -> str:
    named = (("dk1", "000000"), ("lt1", "FFFFFF"), ("dk2", "1F2A44"), ("lt2", "EEF1F6"), ("accent1", "2F6DB5"))
    more = (
        ("accent2", "D9822B"),
        ("accent3", "4C9A6A"),
        ("accent4", "8A5BA8"),
        ("accent5", "B5473C"),
        ("accent6", "5F7383"),
    )
    links = (("hlink", "2F6DB5"), ("folHlink", "8A5BA8"))
    colours = "".join(f'<a:{name}><a:srgbClr val="{value}"/></a:{name}>' for name, value in (*named, *more, *links))
    face = '<a:latin typeface="Calibri"/><a:ea typeface=""/><a:cs typeface=""/>'
    fill = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
    line = f'<a:ln w="9525">{fill}</a:ln>'
    effect = "<a:effectStyle><a:effectLst/></a:effectStyle>"
    return (
        f'{HEAD}<a:theme xmlns:a="{DRAWING}" name="Plain"><a:themeElements>'
        f'<a:clrScheme name="Plain">{colours}</a:clrScheme>'
        f'<a:fontScheme name="Plain"><a:majorFont>{face}</a:majorFont><a:minorFont>{face}</a:minorFont></a:fontScheme>'
        f'<a:fmtScheme name="Plain"><a:fillStyleLst>{fill * 3}</a:fillStyleLst><a:lnStyleLst>{line * 3}</a:lnStyleLst>'
        f"<a:effectStyleLst>{effect * 3}</a:effectStyleLst>"
        f"<a:bgFillStyleLst>{fill * 3}</a:bgFillStyleLst></a:fmtScheme>"
        "</a:themeElements></a:theme>"
    )


def _relations(*links: tuple[str, str]) -> str:
    """The file that tells where a part leads: (kind, target), numbered in order."""
    entries = "".join(
        f'<Relationship Id="rId{n}" Type="{DOCUMENT}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(links, 1)
    )
    return f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{entries}</Relationships>'


def _presentation(count: int) -> dict[str, str]:
    links = [("slideMaster", "slideMasters/slideMaster1.xml"), ("notesMaster", "notesMasters/notesMaster1.xml")]
    links += [("theme", "theme/theme1.xml")] + [("slide", f"slides/slide{n}.xml") for n in range(1, count + 1)]
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n + 3}"/>' for n in range(1, count + 1))
    slides = f"<p:sldIdLst>{ids}</p:sldIdLst>" if ids else ""
    return {
        "ppt/presentation.xml": f'{HEAD}<p:presentation {NAMESPACES}><p:sldMasterIdLst><p:sldMasterId id="2147483648" '
        'r:id="rId1"/></p:sldMasterIdLst><p:notesMasterIdLst><p:notesMasterId r:id="rId2"/></p:notesMasterIdLst>'
        f'{slides}<p:sldSz cx="12192000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/></p:presentation>',
        "ppt/_rels/presentation.xml.rels": _relations(*links),
    }


def _content_types(members: list[str]) -> str:
    kinds = {
        "presentation.xml": "presentation.main",
        "slideMasters": "slideMaster",
        "slideLayouts": "slideLayout",
        "notesMasters": "notesMaster",
        "notesSlides": "notesSlide",
        "slides": "slide",
    }
    show = "application/vnd.openxmlformats-officedocument.presentationml"
    entries = [
        f'<Override PartName="/{one}" ContentType="{show}.{kinds[one.split("/")[1]]}+xml"/>'
        for one in members
        if one.endswith(".xml") and one.split("/")[1] in kinds
    ]
    theme = "application/vnd.openxmlformats-officedocument.theme+xml"
    entries += [f'<Override PartName="/{one}" ContentType="{theme}"/>' for one in members if "/theme/theme" in one]
    return (
        f'{HEAD}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{"".join(entries)}</Types>'
    )


def parts_of(slides: list[Slide]) -> dict[str, str]:
    """The members of a presentation."""
    parts = _presentation(len(slides)) | {
        "_rels/.rels": _relations(("officeDocument", "ppt/presentation.xml")),
        "ppt/slideMasters/slideMaster1.xml": _master_xml(),
        "ppt/slideMasters/_rels/slideMaster1.xml.rels": _relations(
            ("slideLayout", "../slideLayouts/slideLayout1.xml"), ("theme", "../theme/theme1.xml")
        ),
        "ppt/slideLayouts/slideLayout1.xml": _layout_xml(),
        "ppt/slideLayouts/_rels/slideLayout1.xml.rels": _relations(("slideMaster", "../slideMasters/slideMaster1.xml")),
        "ppt/notesMasters/notesMaster1.xml": _notes_master_xml(),
        "ppt/notesMasters/_rels/notesMaster1.xml.rels": _relations(("theme", "../theme/theme2.xml")),
        "ppt/theme/theme1.xml": _theme_xml(),
        "ppt/theme/theme2.xml": _theme_xml(),
    }
    for number, slide in enumerate(slides, 1):
        links = [("slideLayout", "../slideLayouts/slideLayout1.xml")]
        if slide.notes:
            links.append(("notesSlide", f"../notesSlides/notesSlide{number}.xml"))
            parts[f"ppt/notesSlides/notesSlide{number}.xml"] = _notes_xml(slide)
            parts[f"ppt/notesSlides/_rels/notesSlide{number}.xml.rels"] = _relations(
                ("notesMaster", "../notesMasters/notesMaster1.xml"), ("slide", f"../slides/slide{number}.xml")
            )
        parts[f"ppt/slides/slide{number}.xml"] = _slide_xml(slide)
        parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = _relations(*links)
    return {"[Content_Types].xml": _content_types([name for name in parts if name.startswith("ppt/")])} | parts


def write(target: str, text: str) -> None:
    """Make a presentation of a text."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in parts_of(slides_of(text)).items():
            archive.writestr(member, content)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser("read", help="print the text of the slides")
    reading.add_argument("presentation")
    writing = commands.add_parser("write", help="make a presentation of a text")
    writing.add_argument("presentation")
    writing.add_argument("text", nargs="?", help="a file; standard input when it is not given")
    said = parser.parse_args()
    try:
        if said.command == "read":
            with zipfile.ZipFile(said.presentation) as archive:
                sys.stdout.write("\n\n".join(Presentation(archive).slides()) + "\n")
        else:
            write(said.presentation, Path(said.text).read_text("utf-8-sig") if said.text else sys.stdin.read())
    except (BadPresentation, OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        sys.exit(f"pptx_text: {error}")


if __name__ == "__main__":
    main()
