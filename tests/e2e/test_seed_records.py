"""The record service as its first description has it: each sample of a request and of an answer, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from localcloud.client import Client, Piece
from localcloud.stack import Stack
from shared.crypto.envelope import is_envelope
from shared.domain.caller import Role
from tests.e2e.problems import assert_problem
from tests.e2e.visits import FOLLOW_SECONDS, pieces_of, speech
from tests.engines import say
from tests.scoring import word_errors

pytestmark = pytest.mark.e2e

THERAPIST, CLIENT, PAIR, SESSION, THERAPIST_SESSION = 4242, 9001, 7001, "seed-session", 31
SAID = speech(0, 2)
PATH = re.compile(r"File uploaded successfully as 4242/7001/(\d{4}-\d\d-\d\d)/(.+)!")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

RECORDING = {
    "id": int,
    "filename": str,
    "userid": int,
    "is_processed": bool,
    "therapist_client_id": int,
    "create_timestamp": datetime,
    "update_timestamp": datetime,
    "session_id": str,
    "is_last_blob": bool,
    "therapist_session_id": int,
}
HISTORY = {
    "id": int,
    "transcript_summary": str,
    "client_user_id": int,
    "therapist_user_id": int,
    "therapist_client_id": int,
    "date": datetime,
    "therapist_session_id": int,
}
TRANSCRIPT = {
    "id": int,
    "transcript": str,
    "transcript_summary": str,
    "date": datetime,
    "update_timestamp": datetime,
    "therapist_session_id": int,
}
SAMPLE_TIME = "2019-08-24T14:15:22Z"


@dataclass(frozen=True)
class Finished:
    """A therapist whose ids are numbers, as in the samples, with one finished session."""

    client: Client
    uploaded: list[dict[str, Any]]

    def get(self, path: str, **params: str) -> Any:
        """The body of a 200."""
        answer = self.client.request("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """The body of a 200."""
        answer = self.client.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def of_session(self, resource: str) -> dict[str, Any]:
        """The newest record of the session."""
        return dict(self.get(resource, session_id=SESSION)[0])

    def open(self, resource: str, record: dict[str, Any], field: str) -> str:
        """A field as its reader decrypts it."""
        return self.client.open(str(PAIR), resource, record, field)


def form(session_id: str = SESSION) -> dict[str, str]:
    return {
        "therapist_userid": str(THERAPIST),
        "therapist_clientid": str(PAIR),
        "client_userid": str(CLIENT),
        "session_id": session_id,
        "therapist_session_id": str(THERAPIST_SESSION),
    }


@pytest.fixture(scope="module")
def finished(stack: Stack) -> Iterator[Finished]:
    with Client(stack.url, stack.issuer.token(str(THERAPIST), [Role.THERAPIST])) as client:
        pieces = pieces_of(SAID.files("m4a"), "session_audio-{n}.m4a")
        answers = [client.upload_until_accepted(piece, **form()) for piece in pieces]
        assert client.follow(SESSION, timeout_s=FOLLOW_SECONDS)["state"] == "done"
        yield Finished(client, answers)


@pytest.fixture
def spare(finished: Finished, request: pytest.FixtureRequest) -> int:
    """The id of a recording that a test may spoil: the first chunk of a session of its own that goes on."""
    piece = Piece(say(0), "spare.wav", index=0)
    session_id = "spare-" + "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:80]
    return int(finished.client.upload_until_accepted(piece, **form(session_id))["id"])


def assert_like(record: dict[str, Any], sample: dict[str, type]) -> None:
    """The record has the sample's fields and no others, each of its type."""
    assert set(record) == set(sample)
    for name, kind in sample.items():
        if kind is datetime:
            assert TIMESTAMP.fullmatch(record[name]), (name, record[name])
        else:
            assert type(record[name]) is kind, (name, record[name])


# ---- recordings ----------------------------------------------------------------------------------------------------


def test_upload_answer(finished: Finished):
    for answer, name in zip(finished.uploaded, ("session_audio-1.m4a", "session_audio-2.m4a"), strict=True):
        found = PATH.fullmatch(answer["message"])
        assert found
        assert found.group(2) == name


def test_recordings_list_answer(finished: Finished):
    listed = finished.get("recordings", session_id=SESSION)
    assert [record["filename"] for record in listed] == ["session_audio-2.m4a", "session_audio-1.m4a"]
    for record in listed:
        assert_like(record, RECORDING)
        assert record["is_processed"] is True
        assert (record["userid"], record["therapist_client_id"]) == (THERAPIST, PAIR)
        assert (record["session_id"], record["therapist_session_id"]) == (SESSION, THERAPIST_SESSION)
    assert [record["is_last_blob"] for record in listed] == [True, False]


def test_recordings_list_without_a_filter_holds_ones_own(finished: Finished):
    listed = finished.get("recordings", limit="200")
    assert {record["id"] for record in finished.get("recordings", session_id=SESSION)} <= {r["id"] for r in listed}
    assert {record["userid"] for record in listed} == {THERAPIST}


def test_recordings_list_in_pages(finished: Finished):
    first = finished.client.request("GET", "recordings", params={"session_id": SESSION, "limit": 1})
    after = {"session_id": SESSION, "limit": "1", "continuation": first.headers["x-continuation"]}
    second = finished.client.request("GET", "recordings", params=after)
    assert first.json() + second.json() == finished.get("recordings", session_id=SESSION)
    if token := second.headers.get("x-continuation"):  # a store may say only on an empty page that it was the last
        assert finished.get("recordings", **{**after, "continuation": token}) == []


def test_recording_get_answer(finished: Finished):
    record = finished.of_session("recordings")
    answer = finished.client.request("GET", f"recordings/{record['id']}")
    assert answer.json() == record
    assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])


def test_recording_put_request_and_answer(finished: Finished, spare: int):
    before = finished.get(f"recordings/{spare}")
    sent = {
        "filename": "string",
        "userid": THERAPIST,
        "is_processed": True,
        "therapist_client_id": PAIR,
        "create_timestamp": SAMPLE_TIME,
        "update_timestamp": SAMPLE_TIME,
        "session_id": before["session_id"],
        "is_last_blob": True,
        "therapist_session_id": 0,
    }
    record = finished.write("PUT", f"recordings/{spare}", sent)
    assert_like(record, RECORDING)
    ours = {"id": spare, "create_timestamp": before["create_timestamp"], "update_timestamp": record["update_timestamp"]}
    assert record == {**sent, **ours}
    assert record["update_timestamp"] > before["update_timestamp"]
    assert finished.get(f"recordings/{spare}") == record


def test_recording_put_leaves_out_what_it_does_not_say(finished: Finished, spare: int):
    before = finished.get(f"recordings/{spare}")
    record = finished.write("PUT", f"recordings/{spare}", {})
    unsaid = dict.fromkeys(["filename", "is_processed", "is_last_blob", "therapist_session_id"])
    assert record == {**before, **unsaid, "update_timestamp": record["update_timestamp"]}


def test_recording_patch_request_and_answer(finished: Finished, spare: int):
    before = finished.get(f"recordings/{spare}")
    record = finished.write("PATCH", f"recordings/{spare}", {"filename": "renamed.wav", "unknown": 1})
    assert record == {**before, "filename": "renamed.wav", "update_timestamp": record["update_timestamp"]}


def test_recording_delete(finished: Finished, spare: int):
    session_id = finished.get(f"recordings/{spare}")["session_id"]
    answer = finished.client.request("DELETE", f"recordings/{spare}")
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert_problem(finished.client.request(method, f"recordings/{spare}"), 404, "recording_not_found")
    assert finished.get("recordings", session_id=session_id) == []


def test_a_change_of_an_older_version_is_refused(finished: Finished, spare: int):
    path = f"recordings/{spare}"
    seen = {"If-Match": finished.client.request("GET", path).headers["ETag"]}
    changed = finished.client.request("PATCH", path, json={"filename": "first.wav"}, headers=seen)
    assert changed.status_code == 200
    for method in ("PUT", "PATCH", "DELETE"):
        again = finished.client.request(method, path, json={"filename": "second.wav"}, headers=seen)
        assert_problem(again, 412, "precondition_failed")
    newest = {"If-Match": changed.headers["ETag"]}
    assert finished.client.request("DELETE", path, headers=newest).status_code == 204


@pytest.mark.parametrize(
    "moved", [{"userid": 1}, {"therapist_client_id": 1}, {"therapist_client_id": "x"}, {"session_id": "another"}]
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_recording_moves_nowhere(finished: Finished, method: str, moved: dict[str, Any]):
    record = finished.of_session("recordings")
    answer = finished.client.request(method, f"recordings/{record['id']}", json=moved)
    assert_problem(answer, 409, "record_moved")
    assert finished.of_session("recordings") == record


@pytest.mark.parametrize(
    "wrong",
    [
        {"filename": "x" * 513},
        {"filename": "a\x00b"},
        {"filename": 1},
        {"userid": True},
        {"userid": {}},
        {"is_processed": "perhaps"},
        {"session_id": "x" * 256},
        {"therapist_session_id": -1},
        {"therapist_session_id": 2**53 + 1},
        {"therapist_session_id": "one"},
        [],
        None,
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_recording_takes_nothing_that_is_not_as_it_should_be(finished: Finished, method: str, wrong: Any):
    record = finished.of_session("recordings")
    assert_problem(finished.client.request(method, f"recordings/{record['id']}", json=wrong), 400, "invalid_input")
    assert finished.of_session("recordings") == record


@pytest.mark.parametrize("path", ["recordings", "histories", "transcripts"])
@pytest.mark.parametrize("number", ["x", "-1", "1.5", "9007199254740993", "9" * 5000, "%00", "1%2F..", "٣x"])
def test_a_record_has_a_number(finished: Finished, path: str, number: str):
    assert finished.client.request("GET", f"{path}/{number}").status_code in {400, 404}


@pytest.mark.parametrize("path", ["recordings", "histories", "transcripts"])
@pytest.mark.parametrize(
    "params", [{"limit": "0"}, {"limit": "201"}, {"session_id": "a b"}, {"therapist_clientid": "../x"}]
)
def test_a_list_takes_no_filter_that_is_not_as_it_should_be(finished: Finished, path: str, params: dict[str, str]):
    assert_problem(finished.client.request("GET", path, params=params), 400, "invalid_input")


@pytest.mark.parametrize("continuation", ["x", "", "WyJhIiwgImIiXQ=="])
def test_a_list_takes_no_continuation_of_nobody(finished: Finished, continuation: str):
    params = {"session_id": SESSION, "continuation": continuation}
    assert_problem(finished.client.request("GET", "recordings", params=params), 400, "invalid_continuation")


# ---- histories -----------------------------------------------------------------------------------------------------


def test_histories_list_answer(finished: Finished):
    [record] = finished.get("histories", session_id=SESSION)
    assert_like(record, HISTORY)
    assert is_envelope(record["transcript_summary"])
    ids = (record["client_user_id"], record["therapist_user_id"], record["therapist_client_id"])
    assert ids == (CLIENT, THERAPIST, PAIR)


def test_history_get_answer(finished: Finished):
    record = finished.of_session("histories")
    answer = finished.client.request("GET", f"histories/{record['id']}")
    assert answer.json() == record
    assert answer.headers["ETag"]


def test_history_put_request_and_answer(finished: Finished):
    before = finished.of_session("histories")
    sent = {
        "transcript_summary": "string",
        "client_user_id": CLIENT,
        "therapist_user_id": THERAPIST,
        "therapist_client_id": PAIR,
        "date": SAMPLE_TIME,
        "therapist_session_id": 0,
    }
    record = finished.write("PUT", f"histories/{before['id']}", sent)
    assert_like(record, HISTORY)
    envelope = record["transcript_summary"]
    assert record == {**sent, "id": before["id"], "transcript_summary": envelope}
    assert finished.open("histories", record, "transcript_summary") == "string"
    assert finished.of_session("histories") == record
    sent["transcript_summary"] = envelope
    assert finished.write("PUT", f"histories/{before['id']}", sent) == record


def test_history_patch_request_and_answer(finished: Finished):
    before = finished.of_session("histories")
    record = finished.write("PATCH", f"histories/{before['id']}", {"date": "2026-02-23T10:00:00+01:00"})
    assert record == {**before, "date": "2026-02-23T09:00:00Z"}


@pytest.mark.parametrize("missing", ["transcript_summary", "date"])
def test_history_put_needs_its_required_fields(finished: Finished, missing: str):
    sent = {"transcript_summary": "string", "date": SAMPLE_TIME}
    del sent[missing]
    path = f"histories/{finished.of_session('histories')['id']}"
    assert_problem(finished.client.request("PUT", path, json=sent), 400, "invalid_input")


def test_histories_query_request_and_answer(finished: Finished):
    query = {"userid": str(CLIENT), "therapist_clientid": str(PAIR)}
    answer = finished.client.request("POST", "histories/query", json=query)
    assert answer.status_code == 200
    [record] = answer.json()
    assert_like(record, HISTORY)
    assert record == finished.of_session("histories")


# ---- transcripts ---------------------------------------------------------------------------------------------------


def test_transcripts_list_answer(finished: Finished):
    [record] = finished.get("transcripts", session_id=SESSION)
    assert_like(record, TRANSCRIPT)
    assert is_envelope(record["transcript"])
    assert is_envelope(record["transcript_summary"])


def test_transcript_get_answer(finished: Finished):
    record = finished.of_session("transcripts")
    answer = finished.client.request("GET", f"transcripts/{record['id']}")
    assert answer.json() == record
    assert answer.headers["ETag"]


def test_transcripts_query_request_and_answer(finished: Finished):
    query = {"userid": str(CLIENT), "therapist_clientid": str(PAIR)}
    answer = finished.client.request("POST", "transcripts/query", json=query)
    assert answer.status_code == 200
    [record] = answer.json()
    assert_like(record, TRANSCRIPT)


def test_recordings_transcribe_request_and_answer(finished: Finished):
    date = PATH.fullmatch(finished.uploaded[0]["message"]).group(1)  # type: ignore[union-attr]
    query = {"userid": str(THERAPIST), "therapist_clientid": str(PAIR), "date": date}
    answer = finished.client.request("POST", "recordings/transcribe", json={**query, "wait": 0})
    assert answer.status_code in {200, 202}, answer.text  # the spare sessions of other tests may be under way
    assert set(answer.json()) <= {"transcripts", "pending"}
    text = answer.json()["transcripts"][0]
    assert "\n" not in text
    words = re.sub(r"Speaker \d: ", "", text)
    assert word_errors(SAID.text, words).rate <= 0.15 or words == "string", text
    assert re.match(r"Speaker 1: .+", text)


def test_recordings_transcribe_starts_what_is_not_transcribed_and_says_so(finished: Finished, stack: Stack):
    own = {"therapist_userid": str(THERAPIST), "therapist_clientid": "7002", "session_id": "seed-day"}
    piece = Piece(SAID.files("m4a")[0], "day.m4a", index=0)
    uploaded = finished.client.upload_until_accepted(piece, **own)
    query = {"userid": str(THERAPIST), "therapist_clientid": "7002", "date": uploaded["file_url"].split("/")[2]}
    first = finished.client.request("POST", "recordings/transcribe?wait=0", json=query)
    assert first.status_code == 202
    assert first.json() == {"transcripts": [], "pending": ["seed-day"]}
    assert int(first.headers["Retry-After"]) > 0
    answer = finished.client.request("POST", "recordings/transcribe", json={**query, "wait": 200}, timeout=220)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"transcripts"}
    [text] = answer.json()["transcripts"]
    assert word_errors(SAID.turns[0][1], text.removeprefix("Speaker 1: ")).rate <= 0.15, text


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"date": "2001-01-01"}, 404, "audio_not_found"),
        ({"userid": "1"}, 404, "relationship_not_found"),
        ({"therapist_clientid": "1"}, 404, "relationship_not_found"),
        ({"date": "yesterday"}, 400, "invalid_input"),
        ({"date": "2026-02-30"}, 400, "invalid_input"),
        ({"userid": "a/b"}, 400, "invalid_input"),
        ({"wait": 201}, 400, "invalid_input"),
        ({"wait": -1}, 400, "invalid_input"),
    ],
)
def test_recordings_transcribe_of_what_is_not_there(finished: Finished, wrong: dict[str, Any], status: int, code: str):
    query = {"userid": str(THERAPIST), "therapist_clientid": str(PAIR), "date": "2026-02-23", **wrong}
    assert_problem(finished.client.request("POST", "recordings/transcribe", json=query), status, code)


def test_transcript_put_request_and_answer(finished: Finished):
    before = finished.of_session("transcripts")
    sent = {
        "transcript": "string",
        "transcript_summary": "string",
        "date": SAMPLE_TIME,
        "update_timestamp": SAMPLE_TIME,
        "therapist_session_id": 0,
    }
    record = finished.write("PUT", f"transcripts/{before['id']}", sent)
    assert_like(record, TRANSCRIPT)
    for field in ("transcript", "transcript_summary"):
        assert finished.open("transcripts", record, field) == "string"
    assert (record["date"], record["therapist_session_id"]) == (SAMPLE_TIME, 0)
    assert record["update_timestamp"] > before["update_timestamp"]
    assert finished.of_session("transcripts") == record


def test_transcript_patch_request_and_answer(finished: Finished):
    before = finished.of_session("transcripts")
    record = finished.write("PATCH", f"transcripts/{before['id']}", {"transcript": "Größe 🎧"})
    assert finished.open("transcripts", record, "transcript") == "Größe 🎧"
    assert record["transcript_summary"] == before["transcript_summary"]


WRONG_OF_ANY: list[dict[str, Any]] = [
    {"transcript_summary": None},
    {"transcript_summary": 7},
    {"transcript_summary": ["a"]},
    {"date": None},
    {"date": ""},
    {"date": "yesterday"},
    {"date": "2026-02-30T00:00:00Z"},
    {"date": "0001-01-01T00:00:00+14:00"},
    {"therapist_session_id": -1},
    {"therapist_session_id": 2**53 + 1},
    {"therapist_session_id": "one"},
]
NOT_AN_ID: list[Any] = [1.5, True, {}, [], "x" * 256]
WRONG: list[tuple[str, dict[str, Any]]] = [
    *[("transcripts", wrong) for wrong in [*WRONG_OF_ANY, {"transcript": None}, {"transcript": {}}]],
    *[("histories", wrong) for wrong in WRONG_OF_ANY],
    *[("histories", {"client_user_id": wrong}) for wrong in NOT_AN_ID],
    *[("histories", {"therapist_user_id": wrong}) for wrong in NOT_AN_ID],
    *[("histories", {"therapist_client_id": wrong}) for wrong in NOT_AN_ID],
]


@pytest.mark.parametrize(("resource", "wrong"), WRONG, ids=ascii)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_text_record_takes_nothing_that_is_not_as_it_should_be(
    finished: Finished, method: str, resource: str, wrong: dict[str, Any]
):
    record = finished.of_session(resource)
    whole = {"transcript": "a", "transcript_summary": "b", "date": SAMPLE_TIME} if method == "PUT" else {}
    answer = finished.client.request(method, f"{resource}/{record['id']}", json={**whole, **wrong})
    body: dict[str, Any] = assert_problem(answer, 400, "invalid_input")
    assert {error["loc"][1] for error in body["errors"]} == set(wrong)
    assert finished.of_session(resource) == record


@pytest.mark.parametrize("missing", ["transcript", "transcript_summary", "date"])
def test_transcript_put_needs_its_required_fields(finished: Finished, missing: str):
    sent = {"transcript": "a", "transcript_summary": "b", "date": SAMPLE_TIME}
    del sent[missing]
    path = f"transcripts/{finished.of_session('transcripts')['id']}"
    assert_problem(finished.client.request("PUT", path, json=sent), 400, "invalid_input")


@pytest.mark.parametrize("resource", ["transcripts", "histories"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_change_of_an_older_version_of_a_text_is_refused(finished: Finished, method: str, resource: str):
    record = finished.of_session(resource)
    path = f"{resource}/{record['id']}"
    outdated = finished.client.request("GET", path).headers["etag"]
    assert finished.client.request("PATCH", path, json={"therapist_session_id": 8}).headers["etag"] != outdated
    body = {"transcript": "a", "transcript_summary": "b", "date": SAMPLE_TIME}
    again = finished.client.request(method, path, json=body, headers={"If-Match": outdated})
    assert_problem(again, 412, "precondition_failed")
    assert finished.of_session(resource)["transcript_summary"] == record["transcript_summary"]


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        ("transcripts", "transcript"),
        ("histories", "transcript_summary"),
        ("histories", "client_user_id"),
        ("recordings", "filename"),
        ("recordings", "session_id"),
    ],
)
def test_half_of_a_character_is_no_text(finished: Finished, resource: str, field: str):
    path = f"{resource}/{finished.of_session(resource)['id']}"
    body = f'{{"{field}": "\\ud800"}}'.encode()
    answer = finished.client.request("PATCH", path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 409}, answer.text


def test_an_envelope_of_another_field_is_refused(finished: Finished):
    record = finished.of_session("transcripts")
    for field, other in (("transcript", "transcript_summary"), ("transcript_summary", "transcript")):
        answer = finished.client.request("PATCH", f"transcripts/{record['id']}", json={field: record[other]})
        assert_problem(answer, 400, "invalid_envelope")


def test_a_text_too_large_for_a_record_is_refused(finished: Finished):
    record = finished.of_session("transcripts")
    answer = finished.client.request("PATCH", f"transcripts/{record['id']}", json={"transcript": "x" * 2_000_000})
    assert_problem(answer, 413, "too_large")
    assert finished.of_session("transcripts") == record


def test_deleted_histories_and_transcripts_are_shown_nowhere(finished: Finished):
    """The last test on the session, since it takes its results away."""
    query = {"userid": str(CLIENT), "therapist_clientid": str(PAIR)}
    for resource, code in (("histories", "history_not_found"), ("transcripts", "transcript_not_found")):
        record = finished.of_session(resource)
        assert finished.client.request("DELETE", f"{resource}/{record['id']}").status_code == 204
        assert_problem(finished.client.request("GET", f"{resource}/{record['id']}"), 404, code)
        assert finished.get(resource, session_id=SESSION) == []
        answer = finished.client.request("POST", f"{resource}/query", json=query)
        assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(finished.client.request("GET", f"sessions/{SESSION}/captions.vtt"), 404, "transcript_not_found")
