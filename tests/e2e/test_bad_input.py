"""What cannot be accepted is refused with a clear 4xx, and leaves nothing behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from localcloud.client import Client, Piece
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.conftest import NewStack
from tests.e2e.problems import assert_problem
from tests.e2e.stored import blobs_of, everything_in
from tests.e2e.visits import OTHER_THERAPIST, THERAPIST, Visit
from tests.engines import say

pytestmark = pytest.mark.e2e

SOUND = say(0)
MIB = 1024 * 1024
REQUIRED = ["therapist_userid", "therapist_clientid", "session_id", "is_last_blob"]
IDS = ["therapist_userid", "therapist_clientid", "session_id", "client_userid"]
BAD_IDS = ["a b", "a/b", "../a", "thérapeute", "x" * 129, "a\n", "a\x00b", "a\x1b[31m", "\u202ea", "😀"]

Send = Callable[..., httpx.Response]


@pytest.fixture
def send(visit: Visit) -> Send:
    """Upload a good chunk, except for what the test says; None leaves a field out."""

    def upload(
        fields: dict[str, str | None] | None = None, *, content: bytes = SOUND, filename: str = "audio.wav"
    ) -> httpx.Response:
        form = {**visit.form, "is_last_blob": "False", **(fields or {})}
        return visit.therapist.request(
            "POST",
            "recordings",
            data={name: value for name, value in form.items() if value is not None},
            files={"file": (filename, content, "audio/wav")},
        )

    return upload


@pytest.fixture(scope="module")
def last_seen() -> dict[str, set[tuple[str, ...]]]:
    """What stood in the stores after the test before, if that test looked."""
    return {}


@pytest.fixture
def nothing_stored(stack: Stack, therapist: Client, last_seen: dict[str, set[tuple[str, ...]]]) -> Iterator[None]:
    """Every item and blob there is after the test was there before it."""
    before = last_seen.pop("stores", None) or everything_in(stack)
    yield
    after = everything_in(stack)
    assert after - before == set()
    last_seen["stores"] = after


@pytest.fixture(autouse=True)
def forget_what_was_seen(request: pytest.FixtureRequest, last_seen: dict[str, set[tuple[str, ...]]]) -> None:
    if "nothing_stored" not in request.fixturenames:
        last_seen.clear()


refused = pytest.mark.usefixtures("nothing_stored")


# ---- the file ----------------------------------------------------------------------------------------------------


@refused
def test_an_empty_file(send: Send):
    assert_problem(send(content=b""), 400, "empty_file")


@refused
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"%PDF-1.7\n" + bytes(500), id="PDF"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(500), id="PNG"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(500), id="JPEG"),
        pytest.param(b"PK\x03\x04" + bytes(500), id="ZIP"),
        pytest.param(b"<!doctype html><script>alert(1)</script>" * 20, id="HTML"),
        pytest.param(b'{"is": "this audio?"}' * 20, id="JSON"),
    ],
)
def test_a_file_that_is_not_audio_whatever_its_name(send: Send, content: bytes):
    assert_problem(send(content=content, filename="audio.wav"), 415, "not_audio")


def test_a_chunk_above_the_limit(new_stack: NewStack):
    stack = new_stack(LIMITS__MAX_CHUNK_BYTES=str(len(SOUND)))
    with Client(stack.url, stack.issuer.token(THERAPIST, [Role.THERAPIST])) as therapist:
        visit = Visit("large", therapist)
        visit.upload(Piece(SOUND, "just.wav", 0))
        before = everything_in(stack)
        answer = therapist.upload(Piece(SOUND + b"\0", "above.wav", 1), **visit.form)
        assert_problem(answer, 413, "too_large")
        assert everything_in(stack) == before


@refused
def test_a_chunk_above_the_default_limit(visit: Visit):
    answer = visit.therapist.upload(Piece(bytes(100 * MIB + 1), "huge.wav", 0), **visit.form)
    assert_problem(answer, 413, "too_large")


@refused
def test_a_digest_that_does_not_match(send: Send):
    other = hashlib.sha256(SOUND + b"\0").hexdigest()
    assert_problem(send({"sha256": other}), 400, "digest_mismatch")


@refused
@pytest.mark.parametrize("digest", ["abc", "g" * 64, "0" * 65])
def test_a_digest_that_is_none(send: Send, digest: str):
    assert_field(send({"sha256": digest}), "sha256")


def test_an_optional_field_left_empty_is_not_given(send: Send):
    optional = ["client_userid", "therapist_session_id", "chunk_index", "total_chunks", "sha256"]
    answer = send(dict.fromkeys(optional, ""))
    assert (answer.status_code, answer.json()["chunk_index"]) == (200, None)


def test_a_digest_that_matches_in_any_case(send: Send):
    assert send({"sha256": hashlib.sha256(SOUND).hexdigest().upper()}).status_code == 200


# ---- the fields --------------------------------------------------------------------------------------------------


@refused
@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_a_required_field_that_is_not_there(send: Send, field: str, value: str | None):
    assert_field(send({field: value}), field)


@refused
def test_no_file(visit: Visit):
    answer = visit.therapist.request(
        "POST", "recordings", data={**visit.form, "is_last_blob": "True"}, files={"other": ("a.wav", SOUND)}
    )
    assert_field(answer, "file")


@refused
def test_text_in_place_of_the_file(visit: Visit):
    answer = visit.therapist.request(
        "POST", "recordings", data={**visit.form, "is_last_blob": "True", "file": "audio"}, files={"x": ("x", b"x")}
    )
    assert_field(answer, "file")


@refused
@pytest.mark.parametrize("field", IDS)
@pytest.mark.parametrize("value", BAD_IDS, ids=ascii)
def test_an_id_with_characters_that_no_id_has(send: Send, field: str, value: str):
    assert_field(send({field: value}), field)


@refused
@pytest.mark.parametrize("field", ["therapist_clientid", "session_id", "client_userid"])
@pytest.mark.parametrize("value", [".", ".."])
def test_an_id_that_is_a_path(send: Send, field: str, value: str):
    assert_problem(send({field: value}), 400, "invalid_id")


@refused
@pytest.mark.parametrize("value", ["yes", "1", "0", "tru", "True ", "null"])
def test_a_boolean_that_is_neither(send: Send, value: str):
    assert_field(send({"is_last_blob": value}), "is_last_blob")


@refused
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chunk_index", "-1"),
        ("chunk_index", "one"),
        ("chunk_index", "1.5"),
        ("chunk_index", "100000"),
        ("chunk_index", "9" * 5000),
        ("total_chunks", "0"),
        ("total_chunks", "many"),
        ("therapist_session_id", "-1"),
        ("therapist_session_id", "abc"),
        ("therapist_session_id", str(2**53 + 1)),
    ],
)
def test_a_number_out_of_range(send: Send, field: str, value: str):
    assert_field(send({field: value}), field)


@refused
@pytest.mark.parametrize(("index", "total"), [("2", "2"), ("7", "2")])
def test_an_index_that_is_not_below_the_total(send: Send, index: str, total: str):
    assert_problem(send({"chunk_index": index, "total_chunks": total}), 400, "invalid_chunk_index")


# ---- the body ----------------------------------------------------------------------------------------------------


@refused
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("multipart/form-data", b"--x\r\n", id="no boundary"),
        pytest.param("multipart/form-data; boundary=x", b"no part at all", id="no part"),
        pytest.param(
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + SOUND[:100],
            id="cut off",
        ),
        pytest.param("multipart/form-data; boundary=x", b"--x\r\nContent-Disp\x00\r\n\r\n", id="bad header"),
        pytest.param("application/json", b'{"therapist_userid": "therapist1"}', id="JSON"),
        pytest.param("audio/wav", SOUND, id="the bare file"),
        pytest.param("text/plain", b"", id="nothing"),
    ],
)
def test_a_body_that_is_not_the_form_it_says(visit: Visit, content_type: str, body: bytes):
    answer = visit.therapist.request("POST", "recordings", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400, answer.text
    assert_problem(answer, 400, answer.json()["code"])
    assert answer.json()["code"] in {"invalid_body", "invalid_input"}


@refused
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"{}", b'{"userid": 7, "therapist_clientid": "x"}'],
    ids=["nothing", "cut off", "a list", "a text", "no field", "a number"],
)
@pytest.mark.parametrize("path", ["transcripts/query", "histories/query"])
def test_a_query_that_is_not_the_json_it_should_be(therapist: Client, path: str, body: bytes):
    answer = therapist.request("POST", path, content=body, headers={"Content-Type": "application/json"})
    assert_problem(answer, 400, "invalid_input")


@pytest.mark.parametrize("path", ["transcripts/query", "histories/query", "recordings/transcribe"])
@pytest.mark.parametrize("field", ["userid", "therapist_clientid"])
@pytest.mark.parametrize("value", ["", None, 7, ["a"], *BAD_IDS], ids=ascii)
def test_a_query_for_an_id_that_no_id_can_be(therapist: Client, path: str, field: str, value: object):
    query = {"userid": "u", "therapist_clientid": "c", "date": "2026-02-23", field: value}
    assert_field(therapist.request("POST", path, json=query), field)


@refused
@pytest.mark.parametrize("body", [b'{"userid": "\x80"}', b"[" * 5000], ids=["not UTF-8", "too deep"])
def test_a_query_that_no_parser_takes(therapist: Client, body: bytes):
    answer = therapist.request("POST", "transcripts/query", content=body, headers={"Content-Type": "application/json"})
    assert_problem(answer, 400, "invalid_body")


# ---- file names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../etc/passwd.wav", "passwd.wav"),
        ("..\\..\\windows\\system.wav", "system.wav"),
        ("/absolute.wav", "absolute.wav"),
        ("..", "audio"),
        ("Müller & Söhne.wav", "M_ller _ S_hne.wav"),
        ("line\r\nbreak.wav", None),
        ("😀.wav", "_.wav"),
        ("a" * 300 + ".wav", "a" * 196 + ".wav"),
    ],
    ids=ascii,
)
def test_a_file_name_is_reduced_to_what_is_safe(send: Send, visit: Visit, stack: Stack, given: str, kept: str | None):
    answer = send(filename=given)
    assert answer.status_code == 200, answer.text
    folder, _, name = answer.json()["file_url"].rpartition("/")
    assert folder.startswith(f"{THERAPIST}/{visit.relationship}/")
    assert folder.count("/") == 2
    assert kept is None or name == kept
    assert name.isascii()
    assert name.isprintable()
    assert ("recordings", f"{folder}/{name}") in set(blobs_of(stack))


# ---- what there is not, and what is not theirs -------------------------------------------------------------------


@refused
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "sessions/unheard-of"),
        ("POST", "sessions/unheard-of/finalize"),
        ("POST", "sessions/unheard-of/retry"),
        ("GET", "sessions/unheard-of/captions.vtt"),
        ("GET", "sessions/unheard-of/captions.srt"),
    ],
)
def test_an_unknown_session(therapist: Client, method: str, path: str):
    assert_problem(therapist.request(method, path), 404, "session_not_found")


@refused
@pytest.mark.parametrize("session_id", ["a%20b", "%00", "x" * 129, "%F0%9F%98%80"])
def test_a_session_id_in_a_path_that_no_id_can_be(therapist: Client, session_id: str):
    assert_problem(therapist.request("GET", f"sessions/{session_id}"), 400, "invalid_input")


@refused
def test_an_upload_in_another_therapists_name(send: Send):
    assert_problem(send({"therapist_userid": OTHER_THERAPIST}), 403, "forbidden")


def test_an_upload_for_another_therapists_client_or_session(
    send: Send, visit: Visit, other_therapist: Client, stack: Stack
):
    assert send().status_code == 200
    before = everything_in(stack)
    theirs = {**visit.form, "therapist_userid": OTHER_THERAPIST}
    answer = other_therapist.upload(Piece(SOUND, "a.wav"), **{**theirs, "session_id": f"{visit.name}-2"})
    assert_problem(answer, 404, "relationship_not_found")
    answer = other_therapist.upload(Piece(SOUND, "a.wav"), **{**theirs, "therapist_clientid": f"{visit.name}-2"})
    assert_problem(answer, 404, "session_not_found")
    assert everything_in(stack) == before


def test_a_session_of_another_client(send: Send, visit: Visit, stack: Stack):
    assert send().status_code == 200
    before = everything_in(stack)
    assert_problem(send({"therapist_clientid": f"{visit.name}-2"}), 409, "session_conflict")
    assert everything_in(stack) == before


def test_other_audio_under_an_index_that_is_taken(send: Send, stack: Stack):
    assert send({"chunk_index": "0"}).status_code == 200
    before = everything_in(stack)
    assert_problem(send({"chunk_index": "0"}, content=say(1)), 409, "chunk_conflict")
    assert everything_in(stack) == before


def assert_field(answer: httpx.Response, field: str) -> None:
    """400, naming the field and repeating nothing of what was sent."""
    body: dict[str, Any] = assert_problem(answer, 400, "invalid_input")
    assert [error["loc"] for error in body["errors"]] == [["body", field]]
    assert all(set(error) == {"loc", "msg"} for error in body["errors"])
