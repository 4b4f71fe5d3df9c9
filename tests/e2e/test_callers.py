"""Who may do what: every operation of the API, asked by everybody. A new operation without a row here fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest

from localcloud.client import Client
from localcloud.issuer import AUDIENCE, ISSUER, Issuer
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.partners import Partner
from tests.e2e.problems import assert_problem
from tests.e2e.stored import everything_in
from tests.e2e.visits import (
    CLIENT,
    OTHER_CLIENT,
    OTHER_PARTNER,
    OTHER_THERAPIST,
    PARTNER,
    THERAPIST,
    Visit,
    assert_done,
    pieces_of,
    speech,
)
from tests.pdf_files import text_pdf

pytestmark = pytest.mark.e2e

SAID = speech(0, 2)
CHUNKS = pieces_of(SAID.files("m4a"), "session.m4a")
CALLERS: Mapping[str, tuple[str, list[Role]]] = {
    "therapist": (THERAPIST, [Role.THERAPIST]),
    "client": (CLIENT, [Role.CLIENT]),
    "other therapist": (OTHER_THERAPIST, [Role.THERAPIST]),
    "other client": (OTHER_CLIENT, [Role.CLIENT]),
    "therapist's id as a client": (THERAPIST, [Role.CLIENT]),
    "therapist's id without a role": (THERAPIST, []),
    "service": (PARTNER, [Role.SERVICE]),
    "other partner": (OTHER_PARTNER, [Role.SERVICE]),
    "admin": ("admin1", [Role.ADMIN]),
}
STRANGERS = ("other therapist", "other client", "therapist's id as a client", "therapist's id without a role")


@dataclass(frozen=True)
class Row:
    """An operation, asked about the finished session of somebody else or one's own."""

    path: str
    ours: int
    """Status for the session's therapist, for a service and for an admin."""
    client: int
    """Status for the session's client."""
    strangers: int
    """Status for everybody else."""
    json: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    upload: bool = False
    document: bool = False
    """Upload a document of the therapist's."""
    public: bool = False
    only: tuple[str, ...] = ()
    """Who may at all, where it is not a matter of whose the session is."""
    other_partner: int | None = None
    """Status for a service whose user the owner is not, where that makes a difference."""

    def expected(self, caller: str) -> int:
        """The status for one of CALLERS."""
        if caller == "other partner":
            return self.other_partner or self.expected("service")
        if self.only:
            return self.ours if caller in self.only else 403
        if caller in STRANGERS:
            return self.strangers
        return self.client if caller == "client" else self.ours


DOCUMENT = text_pdf("Patient name: Jane Doe")
DOCUMENT_FORM = {"userid": THERAPIST, "role": "Therapist", "feature": "whose-is-it"}
VIEW = {"file_name": "form.pdf", "file_url": "{document}"}
QUERY = {"userid": CLIENT, "therapist_clientid": "{relationship}"}
PEOPLE = {"therapist_userid": THERAPIST, "client_userid": CLIENT}
OWN_INSTRUCTIONS = f"instructions/soap?user_id={THERAPIST}"
INSTRUCTIONS = {"instructions": "## Plan\nName the next step."}
DAY = {"userid": THERAPIST, "therapist_clientid": "{relationship}", "date": "{date}"}
SPEAKERS = {"Speaker 1": "Therapist"}
INSIDE = {"url": "https://10.0.0.1/hook"}
"""Whoever may register a webhook is told that this one leads inside, so that nothing changes."""
HISTORY = {"transcript_summary": "Mended.", "date": "2026-02-23T09:00:00Z"}
TRANSCRIPT = {**HISTORY, "transcript": "Speaker 1: Mended."}
PARTNERS = ("service", "admin")
REQUEST = {"ownerUserId": "{owner}", "speakerNames": {"{owner}": "Bartholomew", "b": "Wilhelmina"}}
BY_RECORDING = {**REQUEST, "recordingUrl": "{upload}"}
BY_TRANSCRIPT = {
    **REQUEST,
    "transcript": {
        "utterances": [{"text": "I sleep badly since March.", "start": 0, "end": 900, "speaker": "B", "words": None}]
    },
}
"""Asked for under an Idempotency-Key, so that it is taken in once."""
OUTDATED = {"If-Match": '"an-older-version"'}
"""Whoever may delete is told that they have not seen the newest version, so that it is still there for the next."""
ROWS = {
    "GET /api/health": Row("health", 200, 200, 200, public=True),
    "GET /api/health/ready": Row("health/ready", 200, 200, 200, public=True),
    "POST /api/recordings": Row("recordings", 200, 403, 403, upload=True),
    "GET /api/sessions/{session_id}": Row("sessions/{session}", 200, 200, 404),
    "POST /api/sessions/{session_id}/finalize": Row("sessions/{session}/finalize", 200, 403, 404),
    "POST /api/sessions/{session_id}/retry": Row("sessions/{session}/retry", 409, 403, 404),
    "GET /api/sessions/{session_id}/captions.vtt": Row("sessions/{session}/captions.vtt", 200, 200, 404),
    "GET /api/sessions/{session_id}/captions.srt": Row("sessions/{session}/captions.srt", 200, 200, 404),
    "GET /api/sessions/{session_id}/audio": Row("sessions/{session}/audio", 200, 200, 404),
    "PUT /api/sessions/{session_id}/speakers": Row("sessions/{session}/speakers", 204, 403, 404, json=SPEAKERS),
    "GET /api/recordings": Row("recordings?therapist_clientid={relationship}", 200, 200, 404),
    "GET /api/recordings/{id}": Row("recordings/{recording}", 200, 200, 404),
    "PUT /api/recordings/{id}": Row("recordings/{recording}", 200, 403, 404, json={"filename": "a.m4a"}),
    "PATCH /api/recordings/{id}": Row("recordings/{recording}", 200, 403, 404, json={"filename": "b.m4a"}),
    "DELETE /api/recordings/{id}": Row("recordings/{recording}", 412, 403, 404, headers=OUTDATED),
    "POST /api/recordings/transcribe": Row("recordings/transcribe", 200, 403, 404, json=DAY),
    "GET /api/transcripts": Row("transcripts?session_id={session}", 200, 200, 404),
    "GET /api/transcripts/{id}": Row("transcripts/{transcript}", 200, 200, 404),
    "PUT /api/transcripts/{id}": Row("transcripts/{transcript}", 200, 403, 404, json=TRANSCRIPT),
    "PATCH /api/transcripts/{id}": Row("transcripts/{transcript}", 200, 403, 404, json={"transcript": "Mended."}),
    "DELETE /api/transcripts/{id}": Row("transcripts/{transcript}", 412, 403, 404, headers=OUTDATED),
    "GET /api/histories": Row("histories?therapist_clientid={relationship}", 200, 200, 404),
    "GET /api/histories/{id}": Row("histories/{history}", 200, 200, 404),
    "PUT /api/histories/{id}": Row("histories/{history}", 200, 403, 404, json=HISTORY),
    "PATCH /api/histories/{id}": Row("histories/{history}", 200, 403, 404, json={"transcript_summary": "Mended."}),
    "DELETE /api/histories/{id}": Row("histories/{history}", 412, 403, 404, headers=OUTDATED),
    "POST /api/transcripts/query": Row("transcripts/query", 200, 200, 404, json=QUERY),
    "POST /api/histories/query": Row("histories/query", 200, 200, 404, json=QUERY),
    "GET /api/relationships/{therapist_clientid}/keys": Row("relationships/{relationship}/keys", 200, 200, 404),
    "GET /api/relationships/{therapist_clientid}": Row("relationships/{relationship}", 200, 200, 404),
    "PUT /api/relationships/{therapist_clientid}": Row(
        "relationships/{relationship}", 200, 403, 403, json=PEOPLE, only=("service", "admin")
    ),
    "DELETE /api/relationships/{therapist_clientid}": Row(
        "relationships/never-was", 404, 403, 403, only=("service", "admin")
    ),
    "GET /api/audit": Row("audit?scope={relationship}", 200, 403, 403, only=("admin",)),
    "POST /api/documents": Row("documents", 200, 403, 403, document=True),
    "POST /api/documents/view": Row("documents/view", 200, 404, 404, json=VIEW),
    "GET /api/documents/view": Row("documents/view?file_name=form.pdf&file_url={document}", 200, 404, 404),
    "PUT /api/webhook": Row("webhook", 400, 403, 403, json=INSIDE, only=("service", "admin")),
    "GET /api/webhook": Row("webhook", 404, 403, 403, only=("service", "admin")),
    "DELETE /api/webhook": Row("webhook", 404, 403, 403, only=("service", "admin")),
    "GET /api/webhook/deliveries": Row("webhook/deliveries", 200, 403, 403, only=("service", "admin")),
    "POST /api/webhook/deliveries/{event_id}/replay": Row(
        "webhook/deliveries/7d1f6c0e-5b0c-4d55-9a37-3c9f4b6f2a10/replay", 404, 403, 403, only=("service", "admin")
    ),
    "GET /api/instructions/{instruction_type}": Row(OWN_INSTRUCTIONS, 200, 403, 403),
    "PUT /api/instructions/{instruction_type}": Row(OWN_INSTRUCTIONS, 200, 403, 403, json=INSTRUCTIONS),
}
ROWS |= {
    "POST /api/users": Row("users", 409, 403, 403, json={"partnerUserId": "whose-is-it"}, only=PARTNERS),
    "GET /api/users": Row("users", 200, 403, 403, only=PARTNERS),
    "GET /api/users/{user_id}": Row("users/{owner}", 200, 403, 403, only=PARTNERS, other_partner=404),
    "POST /api/users/check": Row("users/check", 200, 403, 403, json={"partnerUserId": "x"}, only=PARTNERS),
    "POST /api/recording-url": Row("recording-url", 200, 403, 403, json={}, only=PARTNERS),
    "POST /api/processing-sessions": Row(
        "processing-sessions",
        *(200, 403, 403),
        json=BY_RECORDING,
        headers={"Idempotency-Key": "recording"},
        only=PARTNERS,
        other_partner=400,
    ),
    "POST /api/processing-sessions/from-transcript": Row(
        "processing-sessions/from-transcript",
        *(200, 403, 403),
        json=BY_TRANSCRIPT,
        headers={"Idempotency-Key": "transcript"},
        only=PARTNERS,
        other_partner=400,
    ),
    "GET /api/processing-sessions/{processing_id}": Row(
        "processing-sessions/{processed}", 200, 403, 403, only=PARTNERS, other_partner=404
    ),
    "GET /api/processing-sessions/{processing_id}/notes": Row(
        "processing-sessions/{processed}/notes", 200, 403, 403, only=PARTNERS, other_partner=404
    ),
    "POST /api/processing-sessions/{processing_id}/notes": Row(
        "processing-sessions/{unprocessed}/notes",
        *(409, 403, 403),
        json={"sessionType": "Soap"},
        only=PARTNERS,
        other_partner=404,
    ),
}
PROTECTED = [operation for operation, row in ROWS.items() if not row.public]
UNAUDITED = {
    "GET /api/audit",
    "PUT /api/webhook",
    "GET /api/webhook",
    "DELETE /api/webhook",
    "GET /api/webhook/deliveries",
    "POST /api/webhook/deliveries/{event_id}/replay",
    "GET /api/instructions/{instruction_type}",
    "PUT /api/instructions/{instruction_type}",
    "DELETE /api/relationships/{therapist_clientid}",  # asked here about one that never was
    "POST /api/users",
    "GET /api/users",
    "GET /api/users/{user_id}",
    "POST /api/users/check",
    "POST /api/recording-url",
}
"""What touches nobody's data."""


OF_PARTNERS: dict[str, str] = {}
"""Ids and addresses of what a partner has, once `done` has made it."""


def made_by_partners(stack: Stack, service: Client) -> dict[str, str]:
    """A user, whose id others use as well, with a session that is processed and one that failed."""
    for caller, role in ((OTHER_PARTNER, Role.SERVICE), ("admin1", Role.ADMIN)):
        with Client(stack.url, stack.issuer.token(caller, [role])) as client:
            assert client.request("POST", "users", json={"partnerUserId": "whose-is-it"}).status_code == 201
    partner = Partner(service, "whose-is-it")
    names = {"owner": partner.owner, "upload": partner.recording_url()["recordingUrl"]}
    for name, operation in (
        ("unprocessed", "POST /api/processing-sessions"),
        ("processed", "POST /api/processing-sessions/from-transcript"),
    ):
        row = ROWS[operation]
        answer = service.request("POST", row.path, json=filled(row.json, names), headers=row.headers)
        names[name] = answer.json()["processingId"]
    assert partner.follow(names["processed"])["status"] == "Done"
    assert partner.follow(names["unprocessed"])["status"] == "Error"
    return names


def filled(template: Any, names: Mapping[str, str]) -> Any:
    """A body with names in it."""
    if isinstance(template, str):
        return template.format(**names)
    if isinstance(template, Mapping):
        return {filled(key, names): filled(value, names) for key, value in template.items()}
    return [filled(one, names) for one in template] if isinstance(template, list) else template


@pytest.fixture(scope="module")
def done(stack: Stack, service: Client, therapist: Client) -> Visit:
    """A finished session of a therapist with instructions of their own, its speakers named; and what partners have."""
    OF_PARTNERS.update(made_by_partners(stack, service))
    assert therapist.request("PUT", OWN_INSTRUCTIONS, json=INSTRUCTIONS).status_code == 200
    assert ask(therapist, "POST /api/documents", Visit("not-there-at-all", therapist)).status_code == 200
    visit = Visit("whose-is-it", therapist)
    visit.upload_each(CHUNKS)
    assert_done(visit, SAID)
    assert ask(therapist, "PUT /api/sessions/{session_id}/speakers", visit).status_code == 204
    assert visit.follow()["state"] == "done"
    return visit


@pytest.fixture(scope="module")
def stored_at_first(stack: Stack, done: Visit) -> set[tuple[str, ...]]:
    """What stands in the stores once the session is finished."""
    return everything_in(stack)


@pytest.fixture(scope="module")
def nobody(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url + "/", timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def worthless(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Credentials that prove nothing, and the code they are answered with."""
    expired = stack.issuer.token(THERAPIST, [Role.THERAPIST], valid_for=timedelta(hours=-1))
    return {
        "expired": (f"Bearer {expired}", "token_expired"),
        "another key": (f"Bearer {forged(stack, tmp_path_factory.mktemp('forger'))}", "token_invalid"),
        "no signature": (f"Bearer {unsigned(stack)}", "token_invalid"),
        "claims changed": (f"Bearer {with_claims_of(stack, Role.ADMIN)}", "token_invalid"),
        "no token": ("Bearer not.a.token", "token_invalid"),
        "empty": ("Bearer", "token_missing"),
        "another scheme": ("Basic dGhlcmFwaXN0MTpzZWNyZXQ=", "token_missing"),
    }


WORTHLESS = ["expired", "another key", "no signature", "claims changed", "no token", "empty", "another scheme"]


def forged(stack: Stack, home: Path) -> str:
    """Signed by a key of one's own that goes by the real key's id."""
    real = jwt.get_unverified_header(good(stack))
    own = Issuer(home)
    claims = jwt.decode(own.token(THERAPIST, [Role.THERAPIST]), options={"verify_signature": False})
    return jwt.encode(claims, (home / "keys" / "issuer.pem").read_bytes(), real["alg"], headers={"kid": real["kid"]})


def unsigned(stack: Stack) -> str:
    real = jwt.get_unverified_header(good(stack))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": THERAPIST, "roles": ["therapist"], "exp": 2**33}
    return jwt.encode(claims, "", "none", headers={"kid": real["kid"]})


def with_claims_of(stack: Stack, role: Role) -> str:
    head, _, signature = good(stack).split(".")
    return f"{head}.{stack.issuer.token(THERAPIST, [role]).split('.')[1]}.{signature}"


def good(stack: Stack) -> str:
    return stack.issuer.token(THERAPIST, [Role.THERAPIST])


NEVER = {"id": 2**53 - 1, "create_timestamp": "2026-01-01T00:00:00Z"}


@cache
def names_of(visit: Visit) -> dict[str, str]:
    """What a visit is called on the wire, by the words of the paths; one that never was is called 9007199254740991."""
    first: dict[str, dict[str, Any]] = {}
    for kind in ("recordings", "transcripts", "histories"):
        answer = visit.therapist.request("GET", kind, params={"session_id": visit.name})
        first[kind] = answer.json()[-1] if answer.status_code == 200 else NEVER
    never = {"owner": str(UUID(int=0)), "processed": "never", "unprocessed": "never", "upload": "https://example.org/a"}
    return {
        **(OF_PARTNERS if first["transcripts"]["id"] != NEVER["id"] else never),
        "document": f"whose-is-it/Therapist/{THERAPIST}/{datetime.now(UTC):%Y-%m-%d}/form.pdf",
        "session": visit.name,
        "relationship": visit.relationship,
        "date": first["recordings"]["create_timestamp"][:10],
        "recording": str(first["recordings"]["id"]),
        "transcript": str(first["transcripts"]["id"]),
        "history": str(first["histories"]["id"]),
    }


def ask(client: Client | httpx.Client, operation: str, visit: Visit, **options: Any) -> httpx.Response:
    """Ask for the operation, about this visit. An upload repeats a chunk, so that it changes nothing."""
    row, names = ROWS[operation], names_of(visit)
    if row.json is not None:
        options["json"] = filled(row.json, names)
    if row.headers is not None:
        options["headers"] = {**row.headers, **options.get("headers", {})}
    if row.upload:
        chunk = CHUNKS[0]
        options["data"] = {**visit.form, "is_last_blob": "False", "chunk_index": "0"}
        options["files"] = {"file": (chunk.filename, chunk.content)}
    if row.document:
        options["data"], options["files"] = DOCUMENT_FORM, {"files": ("form.pdf", DOCUMENT)}
    return client.request(operation.partition(" ")[0], row.path.format(**names), **options)


def test_every_operation_has_a_row(nobody: httpx.Client):
    paths: dict[str, dict[str, Any]] = nobody.get("openapi.json").json()["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == set(ROWS)


@pytest.mark.parametrize("operation", [operation for operation, row in ROWS.items() if row.public])
def test_open_to_everybody(nobody: httpx.Client, done: Visit, operation: str):
    assert ask(nobody, operation, done).status_code == 200


@pytest.mark.parametrize("operation", PROTECTED)
def test_closed_to_nobody(nobody: httpx.Client, done: Visit, operation: str):
    answer = ask(nobody, operation, done)
    assert_problem(answer, 401, "token_missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("credentials", WORTHLESS)
@pytest.mark.parametrize("operation", PROTECTED)
def test_closed_to_worthless_credentials(
    nobody: httpx.Client, done: Visit, worthless: dict[str, tuple[str, str]], operation: str, credentials: str
):
    header, code = worthless[credentials]
    answer = ask(nobody, operation, done, headers={"Authorization": header})
    assert_problem(answer, 401, code)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    secret = header.partition(" ")[2]
    assert not secret or secret not in answer.text


@pytest.mark.usefixtures("stored_at_first")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", PROTECTED)
def test_what_each_caller_is_answered(stack: Stack, done: Visit, operation: str, caller: str):
    user, roles = CALLERS[caller]
    with Client(stack.url, stack.issuer.token(user, roles)) as client:
        answer = ask(client, operation, done)
    assert answer.status_code == ROWS[operation].expected(caller), answer.text


def test_asking_has_changed_nothing(stack: Stack, stored_at_first: set[tuple[str, ...]]):
    assert everything_in(stack) == stored_at_first


@pytest.mark.parametrize("operation", [operation for operation in PROTECTED if not ROWS[operation].upload])
def test_what_is_somebody_elses_looks_like_what_is_not_there(other_therapist: Client, done: Visit, operation: str):
    theirs = ask(other_therapist, operation, done)
    nowhere = Visit("not-there-at-all", done.therapist)
    told = theirs.text
    for word, name in names_of(done).items():
        told = told.replace(f"{word} {name}", f"{word} {names_of(nowhere)[word]}")
    assert ask(other_therapist, operation, nowhere).text == told


def test_every_operation_on_peoples_data_is_in_the_audit_trail(stack: Stack, service: Client, done: Visit):
    expected = {operation for operation in PROTECTED if operation not in UNAUDITED}
    for operation in expected:
        ask(service, operation, done)
    with Client(stack.url, stack.issuer.token("admin1", [Role.ADMIN])) as admin:
        scopes = (done.relationship, THERAPIST, OF_PARTNERS["owner"])
        entered = set().union(*(entered_in(admin, scope) for scope in scopes))
        paths: dict[str, dict[str, Any]] = admin.request("GET", "openapi.json").json()["paths"]
    names = {
        f"{verb.upper()} {path}": said["operationId"] for path, verbs in paths.items() for verb, said in verbs.items()
    }
    assert {operation for operation in expected if names[operation].partition("_api_")[0] not in entered} == set()


def entered_in(admin: Client, scope: str) -> set[str]:
    """Names of all operations in a trail, which must be whole."""
    found: set[str] = set()
    params: dict[str, str] = {"scope": scope, "limit": "500"}
    while True:
        answer = admin.request("GET", "audit", params=params)
        assert answer.json()["verified"]
        found |= {entry["operation"] for entry in answer.json()["entries"]}
        if "x-continuation" not in answer.headers:
            return found
        params["continuation"] = answer.headers["x-continuation"]


def test_another_clients_records_are_not_in_the_answer(service: Client, done: Visit):
    assert service.transcripts(OTHER_CLIENT, done.relationship) == []
    assert service.histories(OTHER_CLIENT, done.relationship) == []


def test_a_service_uploads_only_where_the_therapist_could(service: Client, done: Visit):
    form = {**done.form, "therapist_userid": OTHER_THERAPIST}
    assert_problem(service.upload(CHUNKS[0], **form), 404, "session_not_found")
    form["session_id"] = "another-session"
    assert_problem(service.upload(CHUNKS[0], **form), 404, "relationship_not_found")


@pytest.mark.parametrize("roles", [[Role.THERAPIST, Role.CLIENT], [Role.SERVICE], [Role.ADMIN]])
@pytest.mark.parametrize("operation", PROTECTED)
def test_a_token_may_call_its_bearer_anything(stack: Stack, done: Visit, operation: str, roles: list[Role]):
    with Client(stack.url, stack.issuer.token("https://people.example/7?a#b\\c", roles)) as client:
        assert ask(client, operation, done).status_code < 500
