"""After sessions have been through it, nothing that was said can be read anywhere in the home folder of a stack.

Looked at, byte by byte: logs, queue messages gone and still there, blob names and contents, the database's files.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from localcloud.client import Client, Piece
from localcloud.stack import Stack
from shared.domain.caller import Role
from tests.e2e.partners import PLAN, Partner
from tests.e2e.stored import items_of, storage_of
from tests.e2e.visits import CLIENT, PARTNER, THERAPIST, Visit, assert_done, pieces_of, speech
from tests.engines import say

pytestmark = pytest.mark.e2e

SAID = speech(0, 4) + speech(8, 12)
WORDS = [
    *("afternoon", "Maria", "honestly", "panic", "attacks", "quarterly", "heart", "sertraline", "prescribed"),
    *("milligrams", "nauseous", "Patel", "doses", "harming", "exhausted", "hopeless"),
]
"""Said in SAID, and no words of our own."""
OF_PARTNERS = ["Bartholomew", "Wilhelmina", "juggle", "breathing exercise", "alarm goes"]
"""Names, words of a plan, and words of a transcript that a partner has sent."""
PEEKED = 32
"""As many messages as one look at a queue can show."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return stack.issuer.token(THERAPIST, [Role.THERAPIST])


@pytest.fixture(scope="module")
def visit(stack: Stack, token: str) -> Iterator[Visit]:
    """A finished session; then requests that fail, with spoken words where they do not belong."""
    with Client(stack.url, token) as therapist:
        visit = Visit("kept-secret", therapist)
        visit.upload_each(pieces_of(SAID.stream(4)))
        assert_done(visit, SAID)
        for field in ("session_id", "therapist_clientid", "chunk_index", "is_last_blob", "sha256"):
            form = {**visit.form, field: SAID.text}
            assert therapist.upload(Piece(say(0), "audio.wav"), **form).status_code in {400, 403}
        for body in ({"userid": SAID.text}, {"userid": CLIENT, "therapist_clientid": [SAID.text]}):
            assert therapist.request("POST", "transcripts/query", json=body).status_code == 400
        not_audio = therapist.upload(Piece(SAID.text.encode(), "notes.wav"), **visit.form)
        assert not_audio.status_code == 415
        yield visit


@pytest.fixture(scope="module")
def processed(stack: Stack) -> Iterator[dict[str, Any]]:
    """Processing sessions through both doors, with names and a plan, one of them failed; then requests that fail."""
    with Client(stack.url, stack.issuer.token(PARTNER, [Role.SERVICE])) as client:
        partner = Partner(client, "kept-secret")
        failed = partner.created(partner.by_recording(externalTreatmentPlan=PLAN))
        done = partner.created(partner.by_transcript(externalTreatmentPlan=PLAN))
        assert partner.follow(failed)["status"] == "Error"
        for field in ("ownerUserId", "recordingUrl", "sessionType", "speakerPronouns", "participantsType"):
            assert partner.create(partner.by_recording(**{field: PLAN})).status_code == 400
        yield partner.follow(done)


def test_the_plan_was_used_and_the_people_were_named(processed: dict[str, Any]):
    results = processed["results"]
    assert {one["name"] for one in results["speakers"]} == {"Bartholomew", "Wilhelmina"}
    assert any("breathing" in goal["goal"] for goal in results["treatmentPlan"]["goals"])


def test_no_name_and_no_word_of_a_plan_is_in_any_file(processed: dict[str, Any], stack: Stack):
    assert found_in_files(stack.home, [word.encode() for word in OF_PARTNERS]) == []
    assert found_in_files(stack.home, [processed["processingId"].encode()]) != []


def test_nor_in_an_item_or_a_message_and_the_plan_is_gone_even_in_cipher(processed: dict[str, Any], stack: Stack):
    items = [item for _, item in items_of(stack)]
    stored = [json.dumps(item, ensure_ascii=False).encode() for item in items]
    assert found([*stored, *messages_of(stack)], [word.encode() for word in OF_PARTNERS]) == []
    requests = [item for item in items if item.get("kind") == "request" and "brief" in item]
    assert processed["processingId"] in {item["session_id"] for item in requests}
    ended = {item["session_id"] for item in items if item.get("announced")}
    assert [item for item in requests if item["session_id"] in ended and "plan" in item] == []


def test_the_words_we_look_for_were_heard(visit: Visit):
    text = visit.text().lower()
    assert len([word for word in WORDS if word.lower() in text]) >= 15, text


def test_no_spoken_word_is_in_any_file(visit: Visit, stack: Stack):
    assert found_in_files(stack.home, [word.encode() for word in WORDS]) == []


def test_the_search_finds_what_is_there(visit: Visit, stack: Stack):
    """Ids may be read: a search that finds none of them would find no word either."""
    places = {Path(path).parts[0] for path, _ in found_in_files(stack.home, [visit.name.encode()])}
    assert places >= {"host.log", "azurite", "cosmos"}
    queue = {path for path, _ in found_in_files(stack.home / "azurite" / "__queuestorage__", [visit.name.encode()])}
    assert queue, "messages that were sent are Base64, and must have been looked into"


def test_no_spoken_word_is_in_a_queue(visit: Visit, stack: Stack):
    messages = list(messages_of(stack))
    assert found(messages, [word.encode() for word in WORDS]) == []


def test_no_spoken_word_is_in_the_name_or_metadata_of_a_blob(visit: Visit, stack: Stack):
    with BlobServiceClient.from_connection_string(storage_of(stack)) as account:
        listed = [
            f"{container.name}/{blob.name} {dict(blob.metadata or {})} {blob.content_settings.content_type}".encode()
            for container in account.list_containers()
            for blob in account.get_container_client(container.name).list_blobs(include=["metadata"])
        ]
    assert any(visit.name.encode() in line for line in listed)
    assert found(listed, [word.encode() for word in WORDS]) == []


def test_no_spoken_word_is_in_an_item(visit: Visit, stack: Stack):
    items = [json.dumps(item, ensure_ascii=False).encode() for _, item in items_of(stack)]
    assert any(visit.name.encode() in item for item in items)
    assert found(items, [word.encode() for word in WORDS]) == []


def test_neither_audio_nor_a_librarys_telemetry_stays_where_the_host_worked(visit: Visit, stack: Stack):
    assert list(stack.scratch.rglob("*")) == []


def test_no_token_and_no_key_is_in_any_file(visit: Visit, stack: Stack, token: str):
    answer = visit.therapist.request("GET", f"relationships/{visit.relationship}/keys")
    secrets = [base64.b64decode(key["key"]) for key in answer.json()["keys"]]
    assert secrets
    secrets += [value.encode() for value in texts_in(json.loads((stack.home / "keys" / "kek.json").read_bytes()))]
    spelled = [spelling for secret in secrets for spelling in spellings(secret)]
    assert found_in_files(stack.home, [*spelled, token.rpartition(".")[2].encode()]) == []


# ---- the search --------------------------------------------------------------------------------------------------


def found_in_files(home: Path, needles: Iterable[bytes]) -> list[tuple[str, str]]:
    """(file, needle) of everything found below a folder, but in its keys: they are what the rest is safe from."""
    hits = []
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.parent != home / "keys":
            name = str(path.relative_to(home))
            hits += [(name, needle) for needle in found([name.encode(), path.read_bytes()], needles)]
    return hits


def found(haystacks: Iterable[bytes], needles: Iterable[bytes]) -> list[str]:
    """The needles in the haystacks as they are, in UTF-16, or within Base64; upper and lower case are the same."""
    pattern = re.compile(b"|".join(re.escape(needle) for needle in needles), re.IGNORECASE)
    return [
        hit.group().decode("latin-1") for hay in haystacks for text in readings(hay) for hit in pattern.finditer(text)
    ]


def readings(content: bytes) -> Iterator[bytes]:
    yield content
    yield content.replace(b"\0", b"")
    for run in _BASE64.findall(content):
        try:
            yield base64.b64decode(run.rstrip(b"=") + b"=" * (-len(run.rstrip(b"=")) % 4))
        except binascii.Error:
            continue  # letters that only look like it


def spellings(secret: bytes) -> list[bytes]:
    """A key as it is, and as it might be written down."""
    return [
        secret,
        base64.b64encode(secret).rstrip(b"="),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
        secret.hex().encode(),
    ]


def messages_of(stack: Stack) -> Iterator[bytes]:
    """What can be seen in every queue, poison queues among them."""
    with QueueServiceClient.from_connection_string(storage_of(stack)) as account:
        for queue in account.list_queues():
            for message in account.get_queue_client(queue.name).peek_messages(PEEKED):
                yield str(message.content).encode()


def texts_in(value: object) -> Iterator[str]:
    """Texts long enough to be key material, at any depth."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
    elif isinstance(value, str) and len(value) >= 40:
        yield value
