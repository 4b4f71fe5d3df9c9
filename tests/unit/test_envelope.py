import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto.envelope import (
    DataKey,
    associated_data,
    is_envelope,
    key_id_of,
    open_bytes,
    open_envelope,
    seal,
    seal_bytes,
)
from shared.domain.errors import DecryptionFailed

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "crypto" / "envelope_vectors.json").read_text("utf-8"))
PLACE = associated_data("transcripts", 17, "transcript")


def a_key(secret: bytes = bytes(range(32)), kid: UUID | None = None) -> DataKey:
    return DataKey(kid=kid or uuid4(), created=datetime(2026, 1, 1, tzinfo=UTC), secret=secret)


KEY = a_key()
VECTOR_KEYS = [a_key(base64.b64decode(key["key"]), UUID(key["kid"])) for key in VECTORS["keys"]]


def case_name(case: dict[str, str]) -> str:
    return case["name"]


@given(st.binary(max_size=500), st.text(st.characters(codec="utf-8"), max_size=50))
def test_what_was_sealed_opens(plaintext, place):
    assert open_envelope(seal(plaintext, key=KEY, aad=place), keys=[a_key(), KEY], aad=place) == plaintext
    assert open_bytes(seal_bytes(plaintext, key=KEY, aad=place), keys=[a_key(), KEY], aad=place) == plaintext


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_a_text_is_sealed_as_utf8(text):
    assert open_envelope(seal(text, key=KEY, aad=PLACE), keys=[KEY], aad=PLACE).decode() == text


@given(st.binary(max_size=100), st.data())
def test_one_flipped_bit_anywhere_and_it_does_not_open(plaintext, data):
    envelope = bytearray(seal_bytes(plaintext, key=KEY, aad=PLACE))
    bit = data.draw(st.integers(0, len(envelope) * 8 - 1))
    envelope[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecryptionFailed):
        open_bytes(bytes(envelope), keys=[KEY], aad=PLACE)


@given(st.binary(max_size=100), st.data())
def test_one_changed_character_of_the_base64_and_it_does_not_open(plaintext, data):
    envelope = seal(plaintext, key=KEY, aad=PLACE)
    at = data.draw(st.integers(0, len(envelope) - 1))
    other = data.draw(st.characters().filter(lambda char: char != envelope[at]))
    with pytest.raises(DecryptionFailed):
        open_envelope(envelope[:at] + other + envelope[at + 1 :], keys=[KEY], aad=PLACE)


@given(st.binary(max_size=100), st.data())
def test_a_truncated_or_lengthened_envelope_does_not_open(plaintext, data):
    envelope = seal_bytes(plaintext, key=KEY, aad=PLACE)
    cut = data.draw(st.integers(0, len(envelope) - 1))
    for changed in (envelope[:cut], envelope[cut + 1 :], envelope + b"\0"):
        with pytest.raises(DecryptionFailed):
            open_bytes(changed, keys=[KEY], aad=PLACE)


@given(st.text(max_size=30).filter(lambda place: place != PLACE).filter(lambda place: place.isprintable()))
def test_an_envelope_moved_to_another_place_does_not_open(place):
    with pytest.raises(DecryptionFailed):
        open_envelope(seal("words", key=KEY, aad=PLACE), keys=[KEY], aad=place)


def test_neither_another_key_nor_none_opens_it():
    envelope = seal("words", key=KEY, aad=PLACE)
    for keys in ([], [a_key()], [a_key(secret=bytes(32), kid=KEY.kid)]):
        with pytest.raises(DecryptionFailed):
            open_envelope(envelope, keys=keys, aad=PLACE)


def test_every_failure_looks_the_same():
    envelope = seal("words", key=KEY, aad=PLACE)
    tries = [("Speaker 1: hello", [KEY], PLACE), (envelope, [], PLACE), (envelope, [KEY], "other"), ("", [KEY], PLACE)]
    failures = []
    for text, keys, place in tries:
        with pytest.raises(DecryptionFailed) as failure:
            open_envelope(text, keys=keys, aad=place)
        failures.append((str(failure.value), failure.value.code, failure.value.__cause__))
    assert set(failures) == {("the ciphertext does not open", "decryption_failed", None)}


def test_two_envelopes_of_one_text_differ():
    assert seal("words", key=KEY, aad=PLACE) != seal("words", key=KEY, aad=PLACE)


def test_an_envelope_names_its_key_and_is_told_from_plain_text():
    envelope = seal("words", key=KEY, aad=PLACE)
    assert key_id_of(envelope) == KEY.kid
    assert is_envelope(envelope)
    for text in ("", "words", "Speaker 1: Good morning.", "AQ==", envelope + " ", base64.b64encode(bytes(60)).decode()):
        assert not is_envelope(text)
        with pytest.raises(DecryptionFailed):
            key_id_of(text)


def test_a_key_does_not_print_its_secret():
    assert "secret" not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)


@pytest.mark.parametrize("case", VECTORS["opens"], ids=case_name)
def test_the_frozen_vectors_open(case):
    assert open_envelope(case["envelope"], keys=VECTOR_KEYS, aad=case["aad"]).decode() == case["plaintext"]
    assert key_id_of(case["envelope"]) == UUID(case["kid"])


@pytest.mark.parametrize("case", VECTORS["opens"], ids=case_name)
def test_the_frozen_vectors_are_the_documented_format(case):
    secret = next(base64.b64decode(key["key"]) for key in VECTORS["keys"] if key["kid"] == case["kid"])
    nonce = bytes.fromhex(case["nonce"])
    sealed = AESGCM(secret).encrypt(nonce, case["plaintext"].encode(), case["aad"].encode())
    envelope = b"\x01" + UUID(case["kid"]).bytes + nonce + sealed
    assert base64.b64encode(envelope).decode() == case["envelope"]


@pytest.mark.parametrize("case", VECTORS["refused"], ids=case_name)
def test_the_frozen_vectors_that_must_not_open(case):
    with pytest.raises(DecryptionFailed):
        open_envelope(case["envelope"], keys=VECTOR_KEYS, aad=case["aad"])
