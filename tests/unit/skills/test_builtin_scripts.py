"""The programs of the skills that come along, run as an agent runs them: what they write they read again, files of
other programs are read, and what cannot be read is told in one line."""

import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from chalicelib.skills import builtins

SCRIPTS = Path(builtins.__file__).parent / "builtin"


def run(script: str, *words: str | Path, given: str = "", fails: bool = False) -> str:
    """What a program prints; what it complains of where it must fail."""
    command = [sys.executable, "-I", "-B", str(SCRIPTS / script), *map(str, words)]
    if script.startswith("pdf"):
        command.remove("-I")
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=30, check=False)
    assert bool(done.returncode) == fails, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if fails else done.stdout


def test_every_guide_names_programs_that_are_there() -> None:
    for one in builtins.everyone():
        (program,) = {word.strip("`") for word in one.version.body.split() if word.strip("`").startswith("scripts/")}
        assert program in {file.path for file in one.version.files if file.executable}
        assert one.version.description
        assert not one.version.body_cut


class TestXlsx:
    """Workbooks."""

    SCRIPT = "xlsx/scripts/xlsx_cells.py"

    def test_cells_come_back_as_they_went(self, tmp_path: Path) -> None:
        rows = 'name,amount,plus\nÄda <&>,-1.5,=B2*2\n"two\nlines, one cell",007,1e3\n,,\n,,last\n'
        (tmp_path / "a.csv").write_text(rows)
        book = tmp_path / "book.xlsx"
        run(self.SCRIPT, "write", book, f"Q1/2026={tmp_path / 'a.csv'}", tmp_path / "a.csv", f"a={tmp_path / 'a.csv'}")
        assert run(self.SCRIPT, "sheets", book).split("\n") == ["Q1_2026", "a", "a (2)", ""]
        found = run(self.SCRIPT, "read", book, "--formulas", "--sheet", "a")
        assert found == rows.replace("1e3", "1000").replace("\n,,\n", "\n\n")
        assert "=B2*2" not in run(self.SCRIPT, "read", book)

    def test_a_workbook_of_another_program_is_read(self, tmp_path: Path) -> None:
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        cells = (
            '<row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" s="1"><v>46024.5</v></c><c r="D2" t="b"><v>1</v></c>'
            '<c r="E2" s="2"><v>46024</v></c><c r="F2"><f>1+1</f><v>2</v></c><c r="G2" t="str"><f>A1</f><v>x</v></c>'
            '<c r="H2"><v>0.1</v></c><c r="I2" t="e"><v>#DIV/0!</v></c></row>'
        )
        book = tmp_path / "b.xlsx"
        with zipfile.ZipFile(book, "w") as made:
            made.writestr(
                "xl/workbook.xml",
                f'<workbook xmlns="{main}" xmlns:r="{links}"><sheets><sheet name="S" r:id="r7"/></sheets></workbook>',
            )
            made.writestr(
                "xl/_rels/workbook.xml.rels",
                '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
                '<Relationship Id="r7" Target="/xl/worksheets/s.xml"/></Relationships>',
            )
            made.writestr(
                "xl/worksheets/s.xml", f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
            )
            made.writestr(
                "xl/sharedStrings.xml",
                f'<sst xmlns="{main}"><si><r><t>rich </t></r><r><t>text</t></r><rPh><t>no</t></rPh></si></sst>',
            )
            made.writestr(
                "xl/styles.xml",
                f'<styleSheet xmlns="{main}"><numFmts><numFmt numFmtId="170" formatCode="[Red]yyyy/mm &quot;x&quot;"/>'
                '</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="170"/></cellXfs></styleSheet>',
            )
        told = run(self.SCRIPT, "read", book)
        assert told == "\n,rich text,2026-01-02T12:00:00,TRUE,2026-01-02,2,x,0.1,#DIV/0!\n"
        assert ",=1+1,=A1," in run(self.SCRIPT, "read", book, "--formulas")

    def test_what_is_no_workbook_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("1\n")
        run(self.SCRIPT, "write", tmp_path / "a.xlsx", tmp_path / "a.csv")
        assert "there are: a" in run(self.SCRIPT, "read", tmp_path / "a.xlsx", "--sheet", "b", fails=True)
        for path in (tmp_path / "a.csv", tmp_path / "none"):
            assert run(self.SCRIPT, "read", path, fails=True).startswith("xlsx_cells: ")


class TestDocx:
    """Documents."""

    SCRIPT = "docx/scripts/docx_text.py"
    TEXT = (
        "# Top\n\nSome bold and plain <text>.\nNext line.\n\n## Second\n\n- one\n- two\n\n"
        "| a | b |\n| 1 | x \\| y |\n\nEnd\n"
    )

    def test_text_comes_back_as_it_went(self, tmp_path: Path) -> None:
        marked = self.TEXT.replace("bold", "**bold**").replace("| 1 |", "|---|---|\n| 1 |")
        run(self.SCRIPT, "write", tmp_path / "a.docx", given=marked)
        assert run(self.SCRIPT, "read", tmp_path / "a.docx") == self.TEXT
        with zipfile.ZipFile(tmp_path / "a.docx") as made:
            assert b'<w:b/></w:rPr><w:t xml:space="preserve">bold</w:t>' in made.read("word/document.xml")

    def test_tabs_breaks_and_changes_are_read_as_they_are_seen(self, tmp_path: Path) -> None:
        main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
        body = (
            '<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/>'
            "<w:t>c</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
            "<w:ins><w:r><w:t> new</w:t></w:r></w:ins></w:p>"
            '<w:sdt><w:sdtContent><w:p><w:pPr><w:pStyle w:val="L"/></w:pPr><w:r><w:t>point</w:t></w:r></w:p>'
            "</w:sdtContent></w:sdt>"
        )
        with zipfile.ZipFile(tmp_path / "b.docx", "w") as made:
            made.writestr("word/document.xml", f'<w:document xmlns:w="{main}"><w:body>{body}</w:body></w:document>')
            made.writestr(
                "word/styles.xml",
                f'<w:styles xmlns:w="{main}"><w:style w:styleId="L"><w:name w:val="List Bullet"/>'
                "<w:pPr><w:numPr/></w:pPr></w:style></w:styles>",
            )
        assert run(self.SCRIPT, "read", tmp_path / "b.docx") == "a\tb\nc new\n\n- point\n"

    def test_what_is_no_document_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("x")
        with zipfile.ZipFile(tmp_path / "c.docx", "w") as made:
            made.writestr("word/document.xml", "<broken")
        for path in (tmp_path / "a.txt", tmp_path / "c.docx"):
            assert run(self.SCRIPT, "read", path, fails=True).startswith("docx_text: ")


class TestPptx:
    """Presentations."""

    SCRIPT = "pptx/scripts/pptx_text.py"
    TEXT = "# First <slide>\n- one\n  - below\n> Say hello.\n> And more.\n\n# Second\n- äöü & more\n"

    def test_slides_come_back_as_they_went(self, tmp_path: Path) -> None:
        run(self.SCRIPT, "write", tmp_path / "a.pptx", given=self.TEXT)
        assert run(self.SCRIPT, "read", tmp_path / "a.pptx") == self.TEXT

    def test_every_part_is_declared_and_every_link_leads_somewhere(self, tmp_path: Path) -> None:
        import posixpath
        from xml.etree import ElementTree

        run(self.SCRIPT, "write", tmp_path / "a.pptx", given=self.TEXT)
        with zipfile.ZipFile(tmp_path / "a.pptx") as made:
            members = {name: ElementTree.fromstring(made.read(name)) for name in made.namelist()}
        declared = {one.get("PartName", "")[1:] for one in members["[Content_Types].xml"] if one.get("PartName")}
        assert declared == {name for name in members if name.startswith("ppt/") and name.endswith(".xml")}
        for name, root in members.items():
            if name.endswith(".rels"):
                folder = posixpath.dirname(posixpath.dirname(name))
                targets = {posixpath.normpath(posixpath.join(folder, one.get("Target", ""))) for one in root}
                assert targets <= set(members), name

    def test_what_is_no_presentation_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("x")
        assert run(self.SCRIPT, "read", tmp_path / "a.txt", fails=True).startswith("pptx_text: ")


class TestPdf:
    """PDF files."""

    SCRIPT = "pdf/scripts/pdf_text.py"

    def test_text_comes_back_page_by_page(self, tmp_path: Path) -> None:
        long = " ".join(["A sentence that goes on and on;"] * 12)
        run(self.SCRIPT, "write", tmp_path / "a.pdf", given=f"# Head (1)\n\nSmörgås \\ £5\n{long}\n\fPage two\n")
        told = run(self.SCRIPT, "read", tmp_path / "a.pdf")
        first, second = told.split("--- page 2 ---\n")
        assert first.startswith("--- page 1 ---\nHead (1)\n\nSmörgås \\ £5\nA sentence")
        assert " ".join(first.split()).endswith(long)
        assert second == "Page two\n"
        assert run(self.SCRIPT, "read", tmp_path / "a.pdf", "--pages", "2") == f"--- page 2 ---\n{second}"
        assert run(self.SCRIPT, "info", tmp_path / "a.pdf") == "pages: 2\n"

    def test_a_text_of_many_lines_fills_many_pages(self, tmp_path: Path) -> None:
        run(self.SCRIPT, "write", tmp_path / "a.pdf", given="\n".join(f"line {n}" for n in range(200)))
        told = run(self.SCRIPT, "read", tmp_path / "a.pdf")
        lines = [line for line in told.split("\n") if line and not line.startswith("---")]
        assert lines == [f"line {n}" for n in range(200)]
        assert told.count("--- page") > 3

    def test_compressed_objects_own_encodings_and_forms_are_read(self, tmp_path: Path) -> None:
        (tmp_path / "b.pdf").write_bytes(_modern_pdf())
        told = run(self.SCRIPT, "read", tmp_path / "b.pdf")
        assert told == "--- page 1 ---\nfi Ł€   far\nfrom a form\nkerned text\n"
        assert run(self.SCRIPT, "info", tmp_path / "b.pdf") == "pages: 1\ntitle: Tîtle\n"

    @pytest.mark.parametrize(
        "content", [b"plain", b"%PDF-1.4\n", b"%PDF-1.4\ntrailer << /Root 1 0 R /Encrypt 2 0 R >>"]
    )
    def test_what_is_no_pdf_or_encrypted_is_told(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "a.pdf").write_bytes(content)
        assert run(self.SCRIPT, "read", tmp_path / "a.pdf", fails=True).startswith("pdf_text: ")

    def test_loops_and_bottomless_values_come_to_an_end(self, tmp_path: Path) -> None:
        loop = b"1 0 obj << /Pages 2 0 R >> endobj 2 0 obj << /Kids [2 0 R 3 0 R] >> endobj 3 0 obj 3 0 R endobj "
        (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\n" + loop + b"trailer << /Root 1 0 R >>")
        assert run(self.SCRIPT, "info", tmp_path / "a.pdf") == "pages: 0\n"
        (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4\n1 0 obj " + b"[" * 5000 + b" trailer << /Root 1 0 R >>")
        assert "nested" in run(self.SCRIPT, "info", tmp_path / "b.pdf", fails=True)


def _stream(facts: str, data: bytes) -> bytes:
    packed = zlib.compress(data)
    return f"<< {facts} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode() + packed + b"\nendstream"


def _modern_pdf() -> bytes:
    """A page whose objects lie in a stream, with a form, a font of two-byte codes and one with names of glyphs."""
    fonts = "/Font << /A 4 0 R /B 5 0 R >>"
    names = "/Encoding << /Differences [1 /fi /Lslash /Euro] >>"
    wide = "/DescendantFonts [<< /DW 500 >>] /ToUnicode 10 0 R"
    objects = {
        1: "<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [3 0 R] /Count 1 /Resources << {fonts} /XObject << /X 9 0 R >> >> >>",
        3: "<< /Type /Page /Parent 2 0 R /Contents [8 0 R] >>",
        4: f"<< /Type /Font /Subtype /Type1 {names} /FirstChar 1 /Widths [500 600 500] >>",
        5: f"<< /Type /Font /Subtype /Type0 /Encoding /Identity-H {wide} >>",
        6: "<< /Title (\\376\\377\\000T\\000\\356\\000t\\000l\\000e) >>",
    }
    heads, bodies = "", ""
    for number, body in objects.items():
        heads += f"{number} {len(bodies)} "
        bodies += body + " "
    inside = _stream(f"/Type /ObjStm /N {len(objects)} /First {len(heads)}", (heads + bodies).encode())
    page = (
        b"BT /A 10 Tf 1 0 0 1 50 700 Tm (\\001) Tj 8 0 Td <0203> Tj /B 10 Tf 60 0 Td <000100020003> Tj ET q /X Do Q "
        b"BT /B 10 Tf 50 660 Td [<0004000500030006> 20 <00050007> -300 <00080005>] TJ <00090008> Tj ET"
    )
    letters = {1: "f", 2: "a", 3: "r", 4: "k", 5: "e", 6: "n", 7: "d", 8: "t", 9: "x", 10: "from a form"}
    pairs = "".join(f"<{code:04x}> <{text.encode('utf-16-be').hex()}>\n" for code, text in letters.items())
    mapping = f"1 begincodespacerange <0000> <ffff> endcodespacerange {len(letters)} beginbfchar {pairs} endbfchar"
    form = b"BT /B 10 Tf 50 680 Td <000a> Tj ET"
    parts = {
        7: inside,
        8: _stream("", page),
        9: _stream("/Type /XObject /Subtype /Form", form),
        10: _stream("", mapping.encode()),
        11: _stream("/Type /XRef /Root 1 0 R /Info 6 0 R", b""),
    }
    return b"%PDF-1.5\n" + b"".join(
        f"{number} 0 obj\n".encode() + body + b"\nendobj\n" for number, body in parts.items()
    )
