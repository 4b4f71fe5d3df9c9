"""What a Range header asks for, and what a browser is told to do with a file."""

import pytest

from functions.http.streaming import Span, disposition, span_of


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        (None, Span(0, 10)),
        ("bytes=0-3", Span(0, 4)),
        ("bytes=4-", Span(4, 6)),
        ("bytes=-3", Span(7, 3)),
        ("bytes=-30", Span(0, 10)),
        ("bytes=9-9", Span(9, 1)),
        ("bytes=5-99", Span(5, 5)),
        ("bytes=10-", None),
        ("bytes=10-20", None),
        ("bytes=-0", None),
        ("bytes=5-2", Span(0, 10)),
        ("bytes=-", Span(0, 10)),
        ("bytes=0-1,4-5", Span(0, 10)),
        ("pages=0-1", Span(0, 10)),
        ("bytes=a-b", Span(0, 10)),
        ("bytes=٣-٤", Span(0, 10)),
    ],
)
def test_a_range_of_ten_bytes(asked: str | None, span: Span | None):
    assert span_of(asked, 10) == span


def test_nothing_has_no_ranges():
    assert span_of(None, 0) == Span(0, 0)
    assert span_of("bytes=0-", 0) is None


@pytest.mark.parametrize("content_type", ["application/pdf", "image/png", "IMAGE/JPEG", "audio/wav; rate=16000"])
def test_what_runs_nothing_is_shown(content_type: str):
    assert disposition(content_type, "a.pdf").startswith("inline;")


@pytest.mark.parametrize(
    "content_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/octet-stream", ""]
)
def test_what_a_browser_would_run_is_saved(content_type: str):
    assert disposition(content_type, "a.pdf").startswith("attachment;")


def test_a_name_cannot_end_the_header():
    header = disposition("application/pdf", 'a";\r\nSet-Cookie: x="é.pdf')
    assert header == "inline; filename=\"a____Set-Cookie__x___.pdf\"; filename*=UTF-8''" + (
        "a%22%3B%0D%0ASet-Cookie%3A%20x%3D%22%C3%A9.pdf"
    )
