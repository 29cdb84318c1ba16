"""Comments cite headings of docs/reference/report-definition.md, and every cited heading exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEFINITION = ROOT / "docs" / "reference" / "report-definition.md"
HEADINGS = {
    line.lstrip("#").strip()
    for line in DEFINITION.read_text(encoding="utf-8").splitlines()
    if line[:1] == "#"
}

FOLDERS = ("orchestration", "dbt_project", "report_templates", "docs", "benchmarks", "tests")
SUFFIXES = {".py", ".sql", ".yml", ".yaml", ".md", ".json", ".j2"}
OTHERS = {DEFINITION, Path(__file__)}

CITATION = re.compile(r"\(definition:\s([^)]+)\)")
LINE_BREAK = re.compile(r"\s*\n\s*(--|#)?\s*")
NUMBERED = re.compile(r"\bspec [1-9]")


def read_files():
    """Yield the path and the text of every file that can cite the definition."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and path not in OTHERS and "target" not in path.parts:
                yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def cited_headings(text):
    """Return the headings that a text cites. A citation can go over two lines of a comment."""
    for citation in CITATION.findall(LINE_BREAK.sub(" ", text)):
        yield from re.split(r",\s*", citation.strip())


def test_every_cited_heading_exists():
    citations = [(str(path), heading) for path, text in read_files() for heading in cited_headings(text)]
    assert len(citations) > 40
    assert [citation for citation in citations if citation[1] not in HEADINGS] == []


def test_a_citation_over_two_lines_is_found():
    text = "-- converted (definition:\n    -- Grouping by package)\n# (definition: Scope, N/A)"
    assert list(cited_headings(text)) == ["Grouping by package", "Scope", "N/A"]


def test_no_numbered_citation_is_left():
    assert [str(path) for path, text in read_files() if NUMBERED.search(text)] == []
