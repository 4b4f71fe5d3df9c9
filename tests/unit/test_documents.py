"""What documents are and whose, and in what order their words are read."""

from __future__ import annotations

import pytest

from shared.adapters.embedded_documents.layout import Box, in_reading_order, straightened
from shared.domain.access import Decision, noting
from shared.domain.caller import Caller, Role
from shared.domain.document import DocumentKind, DocumentPath, UploaderRole, display_name, is_theirs, kind_of
from shared.domain.errors import NotFound

GOOD = "intake-forms/Therapist/42/2026-02-23/intake_form.pdf"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7\n", DocumentKind.PDF),
        (b"\xef\xbb\xbf\r\n%PDF-2.0\n", DocumentKind.PDF),
        (b"\x89PNG\r\n\x1a\n....", DocumentKind.PNG),
        (b"\xff\xd8\xff\xe1", DocumentKind.JPEG),
        (b"II*\0", DocumentKind.TIFF),
        (b"MM\0*", DocumentKind.TIFF),
        (b"BM" + bytes(12) + b"\x28\0\0\0", DocumentKind.BMP),
        (b"BMW drives", None),
        (b"<svg onload='alert(1)'/>", None),
        (b"<!doctype html>", None),
        (b"PK\x03\x04", None),
        (bytes(1024) + b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_a_document_is_known_by_its_first_bytes(head: bytes, kind: DocumentKind | None):
    assert kind_of(head) is kind


def test_a_path_says_whose_it_is():
    path = DocumentPath.parse(GOOD)
    assert (path.role, path.userid, path.filename) == (UploaderRole.THERAPIST, "42", "intake_form.pdf")
    assert path.folder + path.filename == GOOD


@pytest.mark.parametrize(
    "file_url",
    [
        "",
        "/" + GOOD,
        GOOD + "/",
        GOOD + "\n",
        GOOD.replace("/", "\\"),
        GOOD.replace("/", "%2F"),
        GOOD.replace("42", ".."),
        GOOD.replace("42", "."),
        GOOD.replace("intake_form.pdf", ".."),
        GOOD.replace("42/", "42//"),
        GOOD.replace("42/", "42/../43/"),
        GOOD.replace("Therapist", "Admin"),
        GOOD.replace("2026-02-23", "today"),
        GOOD.replace("intake_form", "intäke_form"),
        "https://example.org/" + GOOD,
        "../recordings/" + GOOD,
        "C:\\windows\\win.ini",
        GOOD + "\0.png",
        GOOD + "?sas=1",
    ],
)
def test_any_other_spelling_is_no_path(file_url: str):
    with pytest.raises(NotFound):
        DocumentPath.parse(file_url)


@pytest.mark.parametrize(
    ("caller", "theirs"),
    [
        (Caller(id="42", roles=frozenset({Role.THERAPIST})), True),
        (Caller(id="42", roles=frozenset({Role.CLIENT})), False),
        (Caller(id="42"), False),
        (Caller(id="43", roles=frozenset({Role.THERAPIST})), False),
        (Caller(id="partner", roles=frozenset({Role.SERVICE})), True),
        (Caller(id="root", roles=frozenset({Role.ADMIN})), True),
    ],
)
def test_a_therapists_documents_are_theirs(caller: Caller, theirs: bool):
    with noting() as decisions:
        assert is_theirs(caller, "42", UploaderRole.THERAPIST, resource="documents:intake-forms") is theirs
    assert decisions == [Decision("42", "documents:intake-forms", theirs)]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Aufnahme Müller.pdf", "Aufnahme Müller.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\page.tiff", "page.tiff"),
        ("a\r\nb\x00\u202efdp.exe", "abfdp.exe"),
        ("", "document"),
        (None, "document"),
    ],
)
def test_a_name_is_shown_as_it_was_given_without_its_tricks(given: str | None, shown: str):
    assert display_name(given) == shown


# ---- reading order: a line is 10 high, lines are 12 apart, a letter is 5 wide ---------------------------------------


def line(x: float, y: float, text: str) -> list[Box]:
    boxes = []
    for word in text.split():
        boxes.append(Box(x, y, x + 5 * len(word), y + 10, word))
        x += 5 * len(word) + 3
    return boxes


def column(x: float, y: float, name: str, rows: int = 4) -> list[Box]:
    return [box for n in range(rows) for box in line(x, y + 12 * n, f"{name}{n} is a line of prose")]


def first_words(text: str) -> list[str]:
    return [row.split()[0] for row in text.splitlines()]


def test_two_columns_under_a_heading_and_over_a_footer():
    boxes = [
        *line(0, 0, "heading " + "across the whole of the page " * 2),
        *column(0, 12, "left"),
        *column(200, 12, "right"),
        *line(0, 60, "footer " + "across the whole of the page " * 2),
    ]
    order = first_words(in_reading_order(boxes))
    assert order == ["heading", *(f"left{n}" for n in range(4)), *(f"right{n}" for n in range(4)), "footer"]


def test_columns_whose_lines_are_not_level():
    order = first_words(in_reading_order([*column(0, 0, "left"), *column(200, 6, "right", 3)]))
    assert order == [*(f"left{n}" for n in range(4)), *(f"right{n}" for n in range(3))]


def test_three_columns():
    boxes = [*column(0, 0, "a"), *column(200, 0, "b"), *column(400, 0, "c")]
    assert first_words(in_reading_order(boxes)) == [f"{name}{n}" for name in "abc" for n in range(4)]


def test_a_table_is_read_across():
    rows = ["12 Mar 2024", "09 Apr 2024", "07 May 2024", "11 Jun 2024"]
    boxes = [box for n, date in enumerate(rows) for box in [*line(0, 12 * n, date), *line(200, 12 * n, f"PHQ-9 {n}")]]
    assert in_reading_order(boxes).splitlines() == [f"{date} PHQ-9 {n}" for n, date in enumerate(rows)]


def test_a_table_of_many_columns_is_read_across():
    boxes = [Box(30 * n, 12 * row, 30 * n + 15, 12 * row + 10, f"{row}.{n}") for row in range(30) for n in range(20)]
    assert first_words(in_reading_order(boxes)) == [f"{row}.0" for row in range(30)]


def test_labels_and_values_of_a_form_are_read_across():
    boxes = [
        box for n in range(5) for box in [*line(0, 12 * n, f"Label{n}:"), *line(150, 12 * n, "a value of its own")]
    ]
    assert in_reading_order(boxes).splitlines() == [f"Label{n}: a value of its own" for n in range(5)]


def test_a_page_that_lies_askew_is_read_along_its_lines():
    slope = 0.1
    rows = [("left", 0.0, 0.0), ("right", 600.0, 0.0), ("below", 0.0, 30.0), ("beside", 600.0, 30.0)]
    quads = [
        [(x + dx - slope * (y + dy), y + dy + slope * (x + dx)) for dx, dy in ((0, 0), (400, 0), (400, 20), (0, 20))]
        for _, x, y in rows
    ]
    text = in_reading_order(straightened(quads, [name for name, _, _ in rows]))
    assert text.splitlines() == ["left right", "below beside"]


def test_nothing_reads_as_nothing():
    assert in_reading_order([]) == ""
    assert straightened([], []) == []
