"""Documents over HTTP: the samples of the API's first users, what is refused, and who sees what."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from azure.storage.blob import BlobServiceClient, ContentSettings
from PIL import Image
from pypdf import PdfWriter

from localcloud.client import Client
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.conftest import NewStack
from tests.e2e.memory import Peak
from tests.e2e.problems import assert_problem
from tests.e2e.stored import blobs_of, everything_in, storage_of
from tests.e2e.visits import CLIENT, OTHER_THERAPIST, THERAPIST
from tests.pdf_files import padded_pdf, text_pdf

pytestmark = pytest.mark.e2e

SAMPLES = Path(__file__).parent.parent / "data" / "documents"
INTAKE = (SAMPLES / "intake.pdf").read_bytes()
JANE = text_pdf("Patient name: Jane Doe", "Date of birth: 01/01/1990")
MIB = 1024 * 1024
FORM = {"userid": "42", "role": "Therapist", "feature": "intake-forms"}

Files = list[tuple[str, tuple[str, bytes, str]]]


def files(*named: tuple[str, bytes]) -> Files:
    return [("files", (name, content, "application/octet-stream")) for name, content in named]


def send(client: Client, *named: tuple[str, bytes], **form: str) -> httpx.Response:
    return client.request("POST", "documents", data={**FORM, **form}, files=files(*named), timeout=120)


def sent(client: Client, *named: tuple[str, bytes], **form: str) -> list[dict[str, Any]]:
    """Upload, which must be accepted: the inner list."""
    answer = send(client, *named, **form)
    assert answer.status_code == 200, answer.text
    [documents] = answer.json()
    return list(documents)


def view(client: Client, file_url: str, file_name: str = "a.pdf", **headers: str) -> httpx.Response:
    return client.request(
        "GET", "documents/view", params={"file_name": file_name, "file_url": file_url}, headers=headers
    )


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture
def nothing_stored(stack: Stack) -> Iterator[None]:
    before = everything_in(stack)
    yield
    assert everything_in(stack) - before == set()


refused = pytest.mark.usefixtures("nothing_stored")


@pytest.fixture(scope="module")
def therapist_42(stack: Stack) -> Iterator[Client]:
    with Client(stack.url, stack.issuer.token("42", [Role.THERAPIST])) as client:
        yield client


@pytest.fixture(scope="module")
def intake(therapist_42: Client) -> str:
    """Where the intake record lies."""
    [document] = sent(therapist_42, ("intake.pdf", INTAKE), feature="viewed")
    return str(document["file_url"])


# ---- the samples -------------------------------------------------------------------------------------------------


def test_seed_documents_upload_sample(therapist_42: Client):
    days = {today()}
    answer = send(therapist_42, ("intake_form.pdf", JANE))
    days.add(today())
    assert answer.status_code == 200, answer.text
    [[document]] = answer.json()
    assert document["content"].startswith("Patient name: Jane Doe\nDate of birth: 01/01/1990")
    assert document["file_name"] == "intake_form.pdf"
    assert document["file_url"] in {f"intake-forms/Therapist/42/{day}/intake_form.pdf" for day in days}
    assert (document["pages"], document["tables"]) == (1, [])


def test_seed_documents_view_sample(therapist_42: Client):
    [document] = sent(therapist_42, ("intake_form.pdf", JANE))
    asked = {"file_name": "intake_form.pdf", "file_url": document["file_url"]}
    answer = therapist_42.request("POST", "documents/view", json=asked)
    assert (answer.status_code, answer.content) == (200, JANE)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-length"] == str(len(JANE))
    assert answer.headers["content-disposition"].startswith("inline;")
    assert answer.headers["content-disposition"].endswith("filename*=UTF-8''intake_form.pdf")
    assert answer.headers["x-content-type-options"] == "nosniff"


# ---- what is taken ---------------------------------------------------------------------------------------------


def test_several_files_are_answered_in_their_order(therapist_42: Client):
    image = (SAMPLES / "low_110dpi.jpg").read_bytes()
    first, second, third = sent(
        therapist_42, ("b.pdf", JANE), ("a.pdf", INTAKE), ("photo.jpg", image), feature="several"
    )
    assert [first["file_name"], second["file_name"], third["file_name"]] == ["b.pdf", "a.pdf", "photo.jpg"]
    assert "Jane Doe" in first["content"]
    assert second["tables"] == [{"page": 1, "rows": json.loads((SAMPLES / "intake_table.json").read_text("utf-8"))}]
    assert "recurrent panic attacks" in third["content"]


def test_a_fax_of_several_pages(therapist_42: Client):
    pages, out = [Image.new("1", (400, 300), 1) for _ in range(3)], io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    [document] = sent(therapist_42, ("fax.tiff", out.getvalue()), feature="fax")
    assert (document["content"], document["pages"]) == ("", 3)


def test_what_a_file_is_counts_and_not_its_name(therapist_42: Client):
    [document] = sent(therapist_42, ("picture.png", JANE), feature="wrong-extension")
    assert "Jane Doe" in document["content"]
    assert view(therapist_42, document["file_url"]).headers["content-type"] == "application/pdf"


def test_a_name_taken_by_another_document_gets_a_number(therapist_42: Client):
    upload = partial(sent, therapist_42, feature="taken")
    urls = [upload(("form.pdf", text_pdf(text)))[0]["file_url"] for text in ("one", "two", "three")]
    assert [url.rpartition("/")[2] for url in urls] == ["form.pdf", "form-1.pdf", "form-2.pdf"]
    assert [view(therapist_42, url).content for url in urls] == [text_pdf(text) for text in ("one", "two", "three")]


def test_a_retry_is_answered_as_the_first_time_and_stores_nothing(stack: Stack, therapist_42: Client):
    first = sent(therapist_42, ("form.pdf", JANE), ("form.pdf", INTAKE), feature="retry")
    before = everything_in(stack)
    assert sent(therapist_42, ("form.pdf", JANE), ("form.pdf", INTAKE), feature="retry") == first
    assert sent(therapist_42, ("form.pdf", INTAKE), feature="retry") == first[1:]
    assert everything_in(stack) == before


@pytest.mark.parametrize(
    ("given", "shown", "stored"),
    [
        ("Aufnahme Müller.pdf", "Aufnahme Müller.pdf", "Aufnahme M_ller.pdf"),
        ("../../../recordings/x.pdf", "x.pdf", "x.pdf"),
        ("..\\..\\x.pdf", "x.pdf", "x.pdf"),
        ("..", "..", "document"),
        ("%2e%2e%2fx.pdf", "%2e%2e%2fx.pdf", "_2e_2e_2fx.pdf"),
        ("a" * 300 + ".pdf", "a" * 255, "a" * 196 + ".pdf"),
    ],
)
def test_a_name_cannot_leave_its_folder(therapist_42: Client, given: str, shown: str, stored: str):
    [document] = sent(therapist_42, (given, JANE), feature="names")
    folder, _, name = document["file_url"].rpartition("/")
    assert (document["file_name"], name) == (shown, stored)
    assert folder in {f"names/Therapist/42/{today()}", folder}
    assert folder.startswith("names/Therapist/42/2")


# ---- what is refused ---------------------------------------------------------------------------------------------


@refused
@pytest.mark.parametrize("field", ["userid", "role", "feature"])
@pytest.mark.parametrize(
    "value", [None, "", "x" * 129, "two words", "../..", "a/b", "a\\b", "nul\0l", "ünïcode", "a\nb"]
)
def test_a_field_that_is_not_as_it_should_be(service: Client, field: str, value: str | None):
    form = {**FORM, field: value} if value is not None else {k: v for k, v in FORM.items() if k != field}
    answer = service.request("POST", "documents", data=form, files=files(("a.pdf", JANE)))
    body = assert_problem(answer, 400, "invalid_input")
    assert body["errors"]
    assert value is None or len(value) < 3 or value not in answer.text


@refused
@pytest.mark.parametrize("userid", [".", ".."])
def test_an_id_that_is_a_path(service: Client, userid: str):
    assert_problem(send(service, ("a.pdf", JANE), userid=userid), 400, "invalid_id")


@refused
def test_a_role_in_another_spelling(service: Client):
    assert_problem(send(service, ("a.pdf", JANE), role="therapist"), 400, "invalid_input")


@refused
def test_no_files(service: Client):
    assert_problem(service.request("POST", "documents", data=FORM), 400, "invalid_input")
    assert_problem(service.request("POST", "documents", data={**FORM, "files": "text"}), 400, "invalid_input")


@refused
def test_too_many_files(service: Client):
    assert_problem(send(service, *[("a.pdf", JANE)] * 21), 400, "too_many_files")


def encrypted() -> bytes:
    writer, out = PdfWriter(io.BytesIO(JANE)), io.BytesIO()
    writer.encrypt("known to nobody", algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


def without_pages() -> bytes:
    out = io.BytesIO()
    PdfWriter().write(out)
    return out.getvalue()


def of_many_pages() -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    for _ in range(2001):
        writer.add_blank_page(10, 10)
    writer.write(out)
    return out.getvalue()


def of_many_pixels() -> bytes:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    return out.getvalue()


@refused
@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        pytest.param(b"", 400, "empty_file", id="empty"),
        pytest.param(encrypted(), 400, "document_encrypted", id="encrypted"),
        pytest.param(without_pages(), 400, "document_empty", id="no pages"),
        pytest.param(INTAKE[:900], 400, "document_unreadable", id="half a PDF"),
        pytest.param(b"%PDF-1.7\n<script>alert(1)</script>", 400, "document_unreadable", id="HTML after a PDF header"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(500), 400, "document_unreadable", id="broken PNG"),
        pytest.param(of_many_pages(), 400, "document_too_complex", id="2001 pages"),
        pytest.param(of_many_pixels(), 400, "document_too_complex", id="400 megapixels in 50 KB"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not_a_document", id="SVG"),
        pytest.param(b"<!doctype html><script>alert(1)</script>", 415, "not_a_document", id="HTML"),
        pytest.param(b"PK\x03\x04" + bytes(500), 415, "not_a_document", id="ZIP"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt ", 415, "not_a_document", id="audio"),
    ],
)
def test_one_bad_file_is_named_and_none_is_stored(therapist_42: Client, content: bytes, status: int, code: str):
    answer = send(therapist_42, ("good.pdf", JANE), ("Jane's letter.pdf", content), feature="bad")
    body = assert_problem(answer, status, code)
    assert "files[1]" in str(body["detail"])
    assert "Jane" not in answer.text


def test_a_document_above_the_limit(new_stack: NewStack):
    stack = new_stack(LIMITS__MAX_DOCUMENT_BYTES=str(len(JANE)), FUNCTIONS_REQUEST_BODY_SIZE_LIMIT=str(MIB))
    with Client(stack.url, stack.issuer.token("42", [Role.THERAPIST])) as client:
        sent(client, ("just.pdf", JANE))
        before = everything_in(stack)
        answer = send(client, ("just.pdf", JANE), ("above.pdf", JANE + b"\n"))
        assert "files[1]" in str(assert_problem(answer, 413, "too_large")["detail"])
        assert send(client, ("huge.pdf", bytes(MIB))).status_code == 413
        assert everything_in(stack) == before


# ---- whose -------------------------------------------------------------------------------------------------------


@refused
@pytest.mark.parametrize(
    ("user", "roles", "form"),
    [
        ("43", [Role.THERAPIST], {}),
        ("42", [Role.CLIENT], {}),
        ("42", [], {}),
        ("42", [Role.THERAPIST], {"role": "User"}),
        (CLIENT, [Role.CLIENT], {"userid": THERAPIST, "role": "User"}),
    ],
)
def test_nobody_uploads_in_anothers_name(stack: Stack, user: str, roles: list[Role], form: dict[str, str]):
    with Client(stack.url, stack.issuer.token(user, roles)) as client:
        assert_problem(send(client, ("a.pdf", JANE), **form), 403, "forbidden")


def test_a_client_keeps_documents_of_their_own(client_user: Client, other_therapist: Client, service: Client):
    [document] = sent(client_user, ("letter.pdf", JANE), userid=CLIENT, role="User", feature="letters")
    assert document["file_url"].startswith(f"letters/User/{CLIENT}/")
    assert view(client_user, document["file_url"]).content == JANE
    assert view(service, document["file_url"]).content == JANE
    assert_problem(view(other_therapist, document["file_url"]), 404, "document_not_found")


def test_a_therapist_sees_their_clients_documents_until_they_are_erased(
    stack: Stack, therapist: Client, other_therapist: Client, service: Client
):
    people = {"therapist_userid": THERAPIST, "client_userid": "keeper1"}
    with Client(stack.url, stack.issuer.token("keeper1", [Role.CLIENT])) as keeper:
        [document] = sent(keeper, ("letter.pdf", JANE), userid="keeper1", role="User", feature="letters")
        assert_problem(view(therapist, document["file_url"]), 404, "document_not_found")
        assert service.request("PUT", "relationships/keeps-documents", json=people).status_code == 200
        assert view(therapist, document["file_url"]).content == JANE
        assert_problem(view(other_therapist, document["file_url"]), 404, "document_not_found")
        receipt = service.request("DELETE", "relationships/keeps-documents").json()
        assert (receipt["counts"]["documents"], len(receipt["documents"])) == (1, 1)
        assert_problem(view(keeper, document["file_url"]), 404, "document_not_found")


def test_what_is_anothers_looks_like_what_is_not_there(other_therapist: Client, intake: str):
    theirs = view(other_therapist, intake)
    assert_problem(theirs, 404, "document_not_found")
    assert view(other_therapist, intake.replace("intake.pdf", "no.pdf")).text == theirs.text


def test_who_touched_documents_is_in_the_audit_trail(stack: Stack, other_therapist: Client, intake: str):
    view(other_therapist, intake)
    with Client(stack.url, stack.issuer.token("admin1", [Role.ADMIN])) as admin:
        trail = admin.request("GET", "audit", params={"scope": "42", "limit": 500})
    entries = trail.json()["entries"]
    assert [entry for entry in entries if entry["resources"] == ["documents:viewed"] and entry["outcome"] == "ok"]
    assert [entry for entry in entries if entry["caller"] == OTHER_THERAPIST and entry["outcome"] == "denied"]
    assert "intake.pdf" not in trail.text


# ---- viewing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-99", 206, 0, 100),
        ("bytes=100-", 206, 100, len(INTAKE)),
        ("bytes=-10", 206, len(INTAKE) - 10, len(INTAKE)),
        ("bytes=0-999999", 200, 0, len(INTAKE)),
        ("bytes=0-1,5-6", 200, 0, len(INTAKE)),
        ("lines=0-1", 200, 0, len(INTAKE)),
    ],
)
def test_a_part_of_a_document(therapist_42: Client, intake: str, asked: str, status: int, start: int, end: int):
    answer = view(therapist_42, intake, Range=asked)
    assert (answer.status_code, answer.content) == (status, INTAKE[start:end])
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["accept-ranges"] == "bytes"
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(INTAKE)}"


def test_a_part_behind_the_end(therapist_42: Client, intake: str):
    answer = view(therapist_42, intake, Range=f"bytes={len(INTAKE)}-")
    assert_problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(INTAKE)}"


def test_a_document_the_browser_has_is_not_sent_again(therapist_42: Client, intake: str):
    etag = view(therapist_42, intake).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = view(therapist_42, intake, **{"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert view(therapist_42, intake, **{"If-None-Match": '"other"'}).content == INTAKE


def test_a_part_of_another_version_is_the_whole(therapist_42: Client, intake: str):
    etag = view(therapist_42, intake).headers["etag"]
    assert view(therapist_42, intake, **{"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    assert view(therapist_42, intake, **{"Range": "bytes=0-9", "If-Range": '"other"'}).content == INTAKE


def test_a_document_is_saved_under_any_name(therapist_42: Client, intake: str):
    answer = view(therapist_42, intake, 'Mü"ller\r\nX-Evil: 1.pdf')
    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    assert answer.headers["content-disposition"].endswith("filename*=UTF-8''" + quote('Mü"llerX-Evil: 1.pdf', safe=""))


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"])
def test_what_a_browser_would_run_is_saved_not_shown(stack: Stack, service: Client, intake: str, content_type: str):
    page = b"<script>alert(document.domain)</script>"
    url = intake.replace("intake.pdf", content_type.replace("/", "-").replace("+", "-"))
    with BlobServiceClient.from_connection_string(storage_of(stack)) as account:
        blob = account.get_blob_client("documents", url)
        blob.upload_blob(page, content_settings=ContentSettings(content_type=content_type), overwrite=True)
    answer = view(service, url)
    assert (answer.status_code, answer.content) == (200, page)
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "trick",
    [
        "../recordings/{url}",
        "/{url}",
        "./{url}",
        "{url}/",
        "{url}/..",
        "{url}%00.png",
        "{url}?sv=1",
        "documents/{url}",
        "x/../{url}",
        "..%2frecordings%2fa",
        "%2e%2e/%2e%2e/etc/passwd",
        "..\\..\\etc\\passwd",
        "viewed\\Therapist\\42",
        "http://127.0.0.1/{url}",
        "file:///etc/passwd",
        "viewed/Therapist/../Therapist/42/2026-01-01/intake.pdf",
        "viewed/Therapist/42/2026-01-01/..",
        "viewed/Therapist/42",
        "~",
    ],
)
def test_no_path_leaves_the_documents(service: Client, intake: str, method: str, trick: str):
    asked = {"file_name": "a.pdf", "file_url": trick.format(url=intake)}
    options = {"params": asked} if method == "GET" else {"json": asked}
    assert_problem(service.request(method, "documents/view", **options), 404, "document_not_found")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"file_name": "a.pdf"},
        {"file_url": "a"},
        {"file_name": "", "file_url": "a"},
        {"file_name": "a", "file_url": ""},
        {"file_name": "a" * 513, "file_url": "a"},
        {"file_name": "a", "file_url": "a" * 1025},
    ],
)
def test_a_view_without_a_name_or_a_path(service: Client, asked: dict[str, str]):
    assert_problem(service.request("POST", "documents/view", json=asked), 400, "invalid_input")
    assert_problem(service.request("GET", "documents/view", params=asked), 400, "invalid_input")


def test_a_view_of_the_wrong_types(service: Client):
    asked = {"file_name": 1, "file_url": ["a"]}
    assert_problem(service.request("POST", "documents/view", json=asked), 400, "invalid_input")


# ---- large -------------------------------------------------------------------------------------------------------


def test_a_pdf_of_300_mb_is_stored_and_shown_with_flat_memory(
    stack: Stack, therapist_42: Client, tmp_path: Path, measured: list[str]
):
    large = tmp_path / "large.pdf"
    padded_pdf(large, 300 * MIB, "Patient name: Jane Doe")
    sent(therapist_42, ("warm-up.pdf", JANE), feature="large")
    with Peak(stack.host_pid) as peak:
        with large.open("rb") as body:
            answer = therapist_42.request(
                "POST",
                "documents",
                data={**FORM, "feature": "large"},
                files={"files": ("large.pdf", body)},
                timeout=300,
            )
        assert answer.status_code == 200, answer.text
        [[document]] = answer.json()
        received = therapist_42.request(
            "GET", "documents/view", params={"file_name": "large.pdf", "file_url": document["file_url"]}, timeout=300
        )
    assert document["content"] == "Patient name: Jane Doe"
    assert received.content == large.read_bytes()
    measured.append(
        f"document of {large.stat().st_size / MIB:.0f} MiB: host's memory grew by {peak.grown / MIB:.0f} MiB"
    )
    assert peak.grown < 100 * MIB
    assert ("documents", document["file_url"]) in set(blobs_of(stack))
