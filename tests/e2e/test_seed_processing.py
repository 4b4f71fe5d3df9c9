"""The processing service over HTTP, as its partners know it: every field at its limits, every error it names."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from localcloud.client import Client
from localcloud.stack import Stack
from shared.domain.caller import Role
from shared.domain.note import ParticipantsType, Pronouns, SessionType
from tests.e2e.partners import PLAN, TURNS, Partner
from tests.e2e.problems import assert_problem
from tests.e2e.visits import OTHER_PARTNER, Visit, assert_done, pieces_of, speech
from tests.scoring import word_errors
from tests.servers.receiver import Received, Receiver

pytestmark = pytest.mark.e2e

SAID = speech(0, 2)
SESSION_TYPES = [
    *("Intake", "Standard", "Soap", "Dap", "Girp", "Birp", "Mse", "Emdr"),
    *("PsychiatricSoap", "PsychiatricIntake", "GpSoap", "Bps", "HeadwaySoap"),
]
OF_FOUR_BYTES = chr(0x1D11E)


@pytest.fixture(scope="module")
def partner(service: Client) -> Partner:
    return Partner(service, "seed-clinician")


@pytest.fixture(scope="module")
def other_partner(stack: Stack) -> Iterator[Partner]:
    with Client(stack.url, stack.issuer.token(OTHER_PARTNER, [Role.SERVICE])) as client:
        yield Partner(client)


@pytest.fixture(scope="module")
def done(partner: Partner) -> dict[str, Any]:
    """A session from a transcript, with a plan."""
    return partner.follow(partner.created(partner.by_transcript(externalTreatmentPlan=PLAN)))


@contextmanager
def serving(content: bytes, status: int = 200) -> Iterator[str]:
    """A web server on this machine; the address of the one thing it has."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "audio/mp4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/recording.m4a?token=of-the-partner"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ---- users ---------------------------------------------------------------------------------------------------------


def test_a_user_is_made_once_and_found_by_both_ids(service: Client):
    own_id = f"own-{uuid4()}"
    known = service.request("POST", "users/check", json={"partnerUserId": own_id}).json()
    assert known == {"isUserExists": False, "userId": None}
    body = {"partnerUserId": own_id, "displayName": "Dr. B", "noteIdentifier": "B"}
    made = service.request("POST", "users", json=body)
    assert made.status_code == 201
    user_id = made.json()["userId"]
    assert made.json() == {"userId": str(UUID(user_id))}
    assert_problem(service.request("POST", "users", json=body), 409, "user_exists")
    known = service.request("POST", "users/check", json={"partnerUserId": own_id}).json()
    assert known == {"isUserExists": True, "userId": user_id}
    assert service.request("GET", f"users/{user_id}").json() == {"userId": user_id, **body}


def test_users_are_listed_page_by_page(stack: Stack):
    with Client(stack.url, stack.issuer.token("lists-users", [Role.SERVICE])) as client:
        made = {client.request("POST", "users", json={}).json()["userId"] for _ in range(3)}
        found: list[str] = []
        params: dict[str, Any] = {"limit": 2}
        while True:
            answer = client.request("GET", "users", params=params)
            found += [user["userId"] for user in answer.json()]
            if "x-continuation" not in answer.headers:
                break
            params["continuation"] = answer.headers["x-continuation"]
    assert found == sorted(made)


@pytest.mark.parametrize("user_id", [str(uuid4()), "clinician-1"], ids=["unknown", "a partner's id"])
def test_a_user_that_is_not_there(service: Client, user_id: str):
    assert_problem(service.request("GET", f"users/{user_id}"), 404, "user_not_found")


# ---- uploading -----------------------------------------------------------------------------------------------------


def test_a_recording_url_takes_one_recording_and_says_how(partner: Partner):
    given = partner.recording_url(fileName="Wilhelmina.m4a", contentType="audio/mp4")
    assert set(given) == {"recordingUrl", "method", "headers", "expiresAt"}
    assert given["headers"] == {"x-ms-blob-type": "BlockBlob", "Content-Type": "audio/mp4"}
    assert "Wilhelmina" not in given["recordingUrl"]
    bare = given["recordingUrl"].partition("?")[0]
    assert httpx.put(bare, content=b"x", headers=given["headers"]).status_code in {401, 403}
    assert httpx.put(given["recordingUrl"], content=b"x", headers=given["headers"]).status_code == 201


# ---- create: what is taken -----------------------------------------------------------------------------------------


def test_the_seeds_request_is_taken_in_at_once(partner: Partner):
    body = partner.by_recording(
        sessionType="Standard",
        participantsType="Individual",
        externalTreatmentPlan=PLAN,
        speakerGenders={"client-7": "female"},
    )
    found = partner.get(partner.created(body))
    assert found["status"] in {"Processing", "Error"}
    assert found["sessionType"] == "Standard"


def test_only_what_the_seed_requires_is_required(partner: Partner):
    body = partner.by_recording()
    del body["speakerPronouns"]
    assert partner.get(partner.created(body))["sessionType"] == "Standard"


def test_nulls_are_defaults(partner: Partner):
    optional = ("speakerPronouns", "speakerGenders", "sessionType", "participantsType", "externalTreatmentPlan")
    body = partner.by_recording(**dict.fromkeys(optional))
    assert partner.get(partner.created(body))["sessionType"] == "Standard"


def test_unknown_fields_and_genders_are_ignored(partner: Partner):
    partner.created(partner.by_recording(speakerGenders=17, somethingNew={"a": 1}))


@pytest.mark.parametrize("session_type", SESSION_TYPES)
def test_every_session_type_is_taken(partner: Partner, session_type: str):
    assert partner.get(partner.created(partner.by_recording(sessionType=session_type)))["sessionType"] == session_type


def test_the_session_types_are_the_seeds():
    assert set(SESSION_TYPES) == set(SessionType)


@pytest.mark.parametrize("participants_type", ParticipantsType)
def test_every_participants_type_is_taken(partner: Partner, participants_type: str):
    partner.created(partner.by_recording(participantsType=participants_type))


@pytest.mark.parametrize("pronouns", Pronouns)
def test_every_pronoun_is_taken(partner: Partner, pronouns: str):
    partner.created(partner.by_recording(speakerPronouns={"client-7": pronouns}))


@pytest.mark.parametrize("name", ["x", "é" * 100, "Ana María O'Neill-Li"])
def test_a_name_at_its_limits(partner: Partner, name: str):
    partner.created(partner.by_recording(speakerNames={partner.owner: name}, speakerPronouns={}))


def test_as_many_people_as_may_take_part(partner: Partner):
    people = {partner.owner: "Owner", **{f"p{n}": f"P{n}" for n in range(49)}}
    partner.created(partner.by_recording(speakerNames=people, speakerPronouns={}))


@pytest.mark.parametrize("plan", ["", "x" * 100_000, OF_FOUR_BYTES * 100_000], ids=["none", "letters", "clefs"])
def test_a_plan_at_its_limits(partner: Partner, plan: str):
    partner.created(partner.by_recording(externalTreatmentPlan=plan))


def test_the_same_request_under_an_idempotency_key_is_taken_in_once(partner: Partner):
    body, key = partner.by_recording(), {"Idempotency-Key": f"k-{uuid4()}"}
    first, again = partner.create(body, key), partner.create(body, key)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    changed = partner.create({**body, "sessionType": "Soap"}, key)
    assert_problem(changed, 409, "idempotency_conflict")


# ---- create: what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["ownerUserId", "speakerNames", "recordingUrl"])
def test_a_required_field_that_is_missing(partner: Partner, field: str):
    body = partner.by_recording()
    del body[field]
    problem = assert_problem(partner.create(body), 400, "invalid_input")
    assert problem["errors"] == [{"loc": ["body", field], "msg": "Field required"}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ownerUserId", 7),
        ("ownerUserId", "x" * 129),
        ("speakerNames", {}),
        ("speakerNames", ["Ana"]),
        ("speakerNames", {"a": ""}),
        ("speakerNames", {"a": "   "}),
        ("speakerNames", {"a": "x" * 101}),
        ("speakerNames", {"": "Ana"}),
        ("speakerNames", {"x" * 129: "Ana"}),
        ("speakerNames", {f"p{n}": "Ana" for n in range(51)}),
        ("speakerPronouns", {"client-7": "Female"}),
        ("speakerPronouns", "FeminineHer"),
        ("recordingUrl", ""),
        ("recordingUrl", 7),
        ("recordingUrl", "https://example.org/" + "x" * 9000),
        ("sessionType", "Cbt"),
        ("sessionType", "soap"),
        ("participantsType", "Group"),
        ("externalTreatmentPlan", "x" * 100_001),
        ("externalTreatmentPlan", ["goal"]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_field_beyond_its_limits(partner: Partner, field: str, value: Any):
    body = {**partner.by_recording(), field: value}
    problem: Any = assert_problem(partner.create(body), 400, "invalid_input")
    assert {error["loc"][1] for error in problem["errors"]} == {field}


@pytest.mark.parametrize(
    "owner", ["seed-clinician", str(uuid4()), "", "not a uuid"], ids=["own id", "unknown", "", "?"]
)
def test_an_owner_that_is_no_user_of_ours_by_uuid(partner: Partner, owner: str):
    assert_problem(partner.create(partner.by_recording(ownerUserId=owner)), 400, "owner_not_found")


def test_an_owner_that_is_another_partners(partner: Partner, other_partner: Partner):
    body = partner.by_recording(ownerUserId=other_partner.owner, speakerNames={other_partner.owner: "X"})
    assert_problem(partner.create(body), 400, "owner_not_found")


def test_an_owner_who_is_not_named(partner: Partner):
    body = partner.by_recording(speakerNames={"client-7": "Wilhelmina"}, speakerPronouns={})
    assert_problem(partner.create(body), 400, "owner_not_named")


def test_pronouns_of_nobody(partner: Partner):
    assert_problem(partner.create(partner.by_recording(speakerPronouns={"x": "FeminineHer"})), 400, "unknown_speaker")


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.org/a.wav", "file:///etc/passwd", "a.wav", "https://", "javascript:alert(1)"),
        *("http://10.0.0.1/a", "http://169.254.169.254/latest/meta-data", "http://[fd00::1]/a", "http://0x0a000001/a"),
    ],
)
def test_an_address_that_may_not_be_fetched(partner: Partner, url: str):
    assert_problem(partner.create(partner.by_recording(url)), 400, "url_not_allowed")


def test_an_upload_of_another_partners(partner: Partner, other_partner: Partner):
    url = other_partner.recording_url()["recordingUrl"]
    assert_problem(partner.create(partner.by_recording(url)), 400, "url_not_allowed")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null"])
def test_what_is_no_request(partner: Partner, body: bytes):
    headers = {"Content-Type": "application/json"}
    answer = partner.client.request("POST", "processing-sessions", content=body, headers=headers)
    assert_problem(answer, 400, "invalid_input")


def test_nobody_creates_anything(stack: Stack, partner: Partner):
    answer = httpx.post(f"{stack.url}/processing-sessions", json=partner.by_recording())
    assert_problem(answer, 401, "token_missing")


@pytest.mark.parametrize("key", ["", "x" * 256], ids=["empty", "long"])
def test_an_idempotency_key_that_is_none(partner: Partner, key: str):
    assert_problem(partner.create(partner.by_recording(), {"Idempotency-Key": key}), 400, "invalid_input")


# ---- a recording, from its address to the note ---------------------------------------------------------------------


def assert_heard(found: dict[str, Any]) -> None:
    """Done, with what was said and a note of it."""
    assert (found["status"], found["error"]) == ("Done", None)
    results = found["results"]
    heard = " ".join(utterance["text"] for utterance in results["transcript"]["utterances"])
    assert word_errors(SAID.text, heard).rate <= 0.15
    assert abs(results["recording"]["durationMs"] - len(SAID.samples) / 16) < 500
    assert results["progressNotes"]
    assert all(set(section) == {"category", "text", "evidence"} for section in results["progressNotes"])


def test_a_recording_behind_a_public_address(partner: Partner):
    [content] = SAID.stream(1, "m4a")
    with serving(content) as url:
        assert_heard(partner.follow(partner.created(partner.by_recording(url))))


def test_a_partners_whole_way_from_its_first_user_to_the_note(stack: Stack):
    """User, address, upload, request, signed event, results; as the partner's own receiver sees it."""
    with (
        Client(stack.url, stack.issuer.token("whole-way", [Role.SERVICE])) as client,
        Receiver().listening() as receiver,
    ):
        secret = client.request("PUT", "webhook", json={"url": receiver.url}).json()["secret"]
        partner = Partner(client)
        [content] = SAID.stream(1, "m4a")
        processing_id = partner.created(partner.by_recording(partner.put(content), sessionType="Soap"))
        [received] = receiver.wait_for(1)
        assert signed(received, secret)
        event = received.event
        assert (event["type"], event["processingId"]) == ("processing.done", processing_id)
        found = partner.get(event["processingId"])
        assert_heard(found)
        assert found["sessionType"] == "Soap"
        assert found["results"]["progressNotes"][0]["category"] == "Subjective"
        partner.follow(partner.created(partner.by_recording()))
        failed = receiver.wait_for(2)[1]
        assert signed(failed, secret)
        assert failed.event["type"] == "processing.error"


def signed(received: Received, secret: str) -> bool:
    """Whether it comes from us, as a receiver finds out."""
    timestamp = received.headers["x-scribe-timestamp"]
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + received.body, hashlib.sha256)
    return hmac.compare_digest(received.headers["x-scribe-signature"], f"v1={mac.hexdigest()}")


def test_what_is_not_audio(partner: Partner):
    body = partner.by_recording(partner.put(b"<html>not found, but with a 200</html>" * 20))
    found = partner.follow(partner.created(body))
    assert (found["status"], found["error"]["code"]) == ("Error", "recording_unusable")
    assert found["error"]["message"]


def test_an_address_that_is_gone(partner: Partner):
    with serving(b"gone", 404) as url:
        found = partner.follow(partner.created(partner.by_recording(url)))
    assert (found["status"], found["error"]["code"]) == ("Error", "recording_unusable")


# ---- a transcript --------------------------------------------------------------------------------------------------


def test_a_transcript_becomes_a_note_with_evidence(done: dict[str, Any]):
    assert (done["status"], done["sessionType"], done["version"]) == ("Done", "Standard", 1)
    results = done["results"]
    assert results["recording"] is None
    assert [(one["speaker"], one["text"]) for one in results["transcript"]["utterances"]] == list(TURNS)
    assert [word["text"] for word in results["transcript"]["utterances"][0]["words"]] == TURNS[0][1].split()
    spoken = {(one["start"], one["end"], one["speaker"], one["text"]) for one in results["transcript"]["utterances"]}
    cited = [one for section in results["progressNotes"] for one in section["evidence"]]
    assert cited
    assert {(one["start"], one["end"], one["speaker"], one["text"]) for one in cited} <= spoken
    assert any("ending your life" in one["text"] for one in cited)


def test_whoever_was_mapped_is_who_they_are(partner: Partner, done: dict[str, Any]):
    speakers = {one["speaker"]: one for one in done["results"]["speakers"]}
    assert (speakers["A"]["person"], speakers["A"]["role"]) == (partner.owner, "therapist")
    assert (speakers["B"]["name"], speakers["B"]["confidence"]) == ("Wilhelmina", 1.0)


def test_its_records_are_in_the_relationship_of_the_owner(partner: Partner, done: dict[str, Any]):
    listed = partner.client.request("GET", "histories", params={"session_id": done["processingId"]})
    [history] = listed.json()
    assert history["therapist_client_id"] == history["therapist_user_id"] == partner.owner
    text = partner.client.open(partner.owner, "histories", history, "transcript_summary")
    assert text.startswith("## ")


@pytest.mark.parametrize(
    "utterances",
    [
        [],
        "none",
        [{"text": "x", "start": 5, "end": 4, "speaker": "A"}],
        [{"text": "x", "start": -1, "end": 4, "speaker": "A"}],
        [{"text": "x", "start": 0, "end": 86_400_001, "speaker": "A"}],
        [{"text": "x", "start": 0, "end": 4, "speaker": ""}],
        [{"text": "x", "start": 0, "end": 4}],
        [{"text": "x", "start": "soon", "end": 4, "speaker": "A"}],
        [{"text": "x", "start": 0, "end": 4, "speaker": "A", "words": [{"text": "x", "start": 2, "end": 1}]}],
        [{"text": "x" * 100_001, "start": 0, "end": 4, "speaker": "A"}],
    ],
    ids=lambda value: str(value)[:60],
)
def test_utterances_that_cannot_be(partner: Partner, utterances: Any):
    body = partner.by_transcript(transcript={"utterances": utterances}, speakerMapping={})
    assert_problem(partner.create(body), 400, "invalid_input")


def test_a_transcript_in_which_nobody_speaks(partner: Partner):
    silent = {"utterances": [{"text": " ", "start": 0, "end": 4, "speaker": "A"}]}
    body = partner.by_transcript(transcript=silent, speakerMapping={})
    assert_problem(partner.create(body), 400, "transcript_empty")


def test_a_transcript_that_is_too_large(partner: Partner):
    long = [{"text": "x" * 90_000, "start": n, "end": n, "speaker": "A"} for n in range(7)]
    body = partner.by_transcript(transcript={"utterances": long}, speakerMapping={})
    assert_problem(partner.create(body), 413, "too_large")


@pytest.mark.parametrize("mapping", [{"C": "client-7"}, {"A": "nobody"}], ids=str)
def test_a_mapping_of_nobody(partner: Partner, mapping: dict[str, str]):
    assert_problem(partner.create(partner.by_transcript(speakerMapping=mapping)), 400, "unknown_speaker")


@pytest.mark.parametrize("language", ["english!", "", "e"])
def test_a_language_that_is_none(partner: Partner, language: str):
    assert_problem(partner.create(partner.by_transcript(language=language)), 400, "invalid_input")


# ---- more notes, names ---------------------------------------------------------------------------------------------


def test_more_notes_from_the_same_transcript_leave_the_first_as_it_is(partner: Partner):
    processing_id = partner.created(partner.by_transcript())
    path, first = f"processing-sessions/{processing_id}", partner.follow(processing_id)
    for version in (1, 2):
        answer = partner.client.request("POST", f"{path}/notes", json={"sessionType": "Soap"})
        assert (answer.status_code, answer.json()["sessionType"]) == (200, "Soap")
        soap = partner.follow(processing_id, sessionType="Soap")
        assert (soap["status"], soap["sessionType"], soap["version"]) == ("Done", "Soap", version)
    assert soap["results"]["progressNotes"][0]["category"] == "Subjective"
    assert partner.get(processing_id) == first
    assert partner.get(processing_id, sessionType="Soap", version=1)["version"] == 1
    listed = partner.client.request("GET", f"{path}/notes").json()
    assert [(one["sessionType"], one["version"]) for one in listed] == [("Standard", 1), ("Soap", 1), ("Soap", 2)]
    params: dict[str, Any]
    for params in ({"sessionType": "Dap"}, {"version": 9}):
        assert_problem(partner.client.request("GET", path, params=params), 404, "note_not_found")
    answer = partner.client.request("POST", f"{path}/notes", json={"sessionType": "Cbt"})
    assert_problem(answer, 400, "invalid_input")


def test_no_more_notes_of_what_has_failed(partner: Partner):
    processing_id = partner.created(partner.by_recording())
    partner.follow(processing_id)
    answer = partner.client.request("POST", f"processing-sessions/{processing_id}/notes", json={"sessionType": "Soap"})
    assert_problem(answer, 409, "not_ready")


def test_a_speaker_who_is_named_stands_in_a_new_note(partner: Partner):
    processing_id = partner.created(partner.by_transcript())
    partner.follow(processing_id)
    answer = partner.client.request("PUT", f"sessions/{processing_id}/speakers", json={"B": "Theodora"})
    assert answer.status_code == 204
    renamed = partner.follow(processing_id)
    assert renamed["version"] == 2
    assert {one["name"] for one in renamed["results"]["speakers"]} == {"Bartholomew", "Theodora"}
    assert partner.get(processing_id, version=1)["results"]["speakers"] != renamed["results"]["speakers"]


def test_naming_the_speakers_of_uploaded_chunks_writes_their_note_anew(visit: Visit):
    visit.upload_each(pieces_of(SAID.stream(2)))
    assert_done(visit, SAID)
    before = visit.note()
    answer = visit.therapist.request("PUT", f"sessions/{visit.name}/speakers", json={"Speaker 1": "Theodora"})
    assert answer.status_code == 204
    assert visit.follow()["state"] == "done"
    assert "Theodora" in visit.note()
    assert "Theodora" not in before


# ---- whose it is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/notes"])
def test_another_partner_sees_nothing_of_it(other_partner: Partner, done: dict[str, Any], path: str):
    theirs = other_partner.client.request("GET", f"processing-sessions/{done['processingId']}{path}")
    assert_problem(theirs, 404, "processing_session_not_found")
    nowhere = other_partner.client.request("GET", f"processing-sessions/{uuid4()}{path}")
    assert_problem(nowhere, 404, "processing_session_not_found")


def test_nor_of_its_records_and_keys(partner: Partner, other_partner: Partner, done: dict[str, Any]):
    for path in (
        f"sessions/{done['processingId']}",
        f"relationships/{partner.owner}/keys",
        f"relationships/{partner.owner}",
        f"histories?session_id={done['processingId']}",
    ):
        assert other_partner.client.request("GET", path).status_code == 404, path
    for verb, json in (("DELETE", None), ("PUT", {"therapist_userid": partner.owner, "client_userid": "x"})):
        answer = other_partner.client.request(verb, f"relationships/{partner.owner}", json=json)
        assert_problem(answer, 404, "relationship_not_found")


def test_a_session_of_chunks_is_no_processing_session(partner: Partner, visit: Visit):
    visit.upload(pieces_of(SAID.stream(2))[0])
    answer = partner.client.request("GET", f"processing-sessions/{visit.name}")
    assert_problem(answer, 404, "processing_session_not_found")
