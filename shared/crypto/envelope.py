"""The envelope: one ciphertext together with what is needed to find its key and to notice if it was moved.

    0x01 · data key id (UUID, 16 bytes) · nonce (12 bytes, random) · ciphertext · tag (16 bytes)

AES-256-GCM (NIST SP 800-38D). The bytes before the nonce are not secret. The associated data is the place the
ciphertext belongs to, `{resource}/{id}/{field}` in the API's own words: a client computes it from what it holds,
and a ciphertext copied to another record or field does not open. Texts travel as standard Base64, blobs as bytes.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.domain.errors import DecryptionFailed

VERSION = b"\x01"
KEY_BYTES = 32
_KEY_ID_END = 1 + 16
_NONCE_BYTES = 12  # SP 800-38D §8.2.2; random ones are safe for 2^32 envelopes under one key (§8.3)
_HEADER_BYTES = _KEY_ID_END + _NONCE_BYTES
_TAG_BYTES = 16
SHORTEST = _HEADER_BYTES + _TAG_BYTES
"""Bytes of an envelope of nothing: as many of any envelope say which key it is under."""


@dataclass(frozen=True)
class DataKey:
    """A relationship's data key: 32 bytes nobody may print. Two are equal when their ids are."""

    kid: UUID
    created: datetime = field(compare=False)
    secret: bytes = field(repr=False, compare=False)


def associated_data(resource: str, record_id: int | str, field_name: str) -> str:
    """Where a ciphertext belongs, for example `transcripts/17/transcript`."""
    return f"{resource}/{record_id}/{field_name}"


def seal(plaintext: str | bytes, *, key: DataKey, aad: str) -> str:
    """Encrypt a text (as UTF-8) or bytes into Base64."""
    content = plaintext.encode() if isinstance(plaintext, str) else plaintext
    return base64.b64encode(seal_bytes(content, key=key, aad=aad)).decode("ascii")


def open_envelope(envelope: str, *, keys: Iterable[DataKey], aad: str) -> bytes:
    """Decrypt Base64 with whichever of `keys` it names. Raises: DecryptionFailed, without saying why."""
    return open_bytes(_from_base64(envelope), keys=keys, aad=aad)


def seal_bytes(plaintext: bytes, *, key: DataKey, aad: str) -> bytes:
    """Encrypt bytes into an envelope of bytes, 45 longer than what went in."""
    nonce = os.urandom(_NONCE_BYTES)
    return VERSION + key.kid.bytes + nonce + AESGCM(key.secret).encrypt(nonce, plaintext, aad.encode())


def open_bytes(envelope: bytes, *, keys: Iterable[DataKey], aad: str) -> bytes:
    """Decrypt an envelope of bytes. Raises: DecryptionFailed, without saying why."""
    parts = _split(envelope)
    for key in keys:
        if key.kid == parts.kid:
            return _decrypt(parts, key, aad)
    raise _failed()


def key_id_of(envelope: str | bytes) -> UUID:
    """The id of the data key an envelope (Base64 or bytes) names. Raises: DecryptionFailed when it is none."""
    return _split(_from_base64(envelope) if isinstance(envelope, str) else envelope).kid


def is_envelope(text: str) -> bool:
    """Whether a text has the form of an envelope, which plain text practically never has.

    The form alone proves nothing: only opening it does.
    """
    try:
        key_id_of(text)
    except DecryptionFailed:
        return False
    return True


class _Parts(NamedTuple):
    kid: UUID
    nonce: bytes
    ciphertext: bytes
    """The tag included, as AESGCM takes it."""


def _from_base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _failed() from None
    # The last character may hold bits that decode to nothing: with any but one spelling an envelope was touched.
    if base64.b64encode(raw).decode("ascii") != text:
        raise _failed()
    return raw


def _split(envelope: bytes) -> _Parts:
    if len(envelope) < SHORTEST or envelope[:1] != VERSION:
        raise _failed()
    kid = UUID(bytes=envelope[1:_KEY_ID_END])
    return _Parts(kid, envelope[_KEY_ID_END:_HEADER_BYTES], envelope[_HEADER_BYTES:])


def _decrypt(parts: _Parts, key: DataKey, aad: str) -> bytes:
    try:
        return AESGCM(key.secret).decrypt(parts.nonce, parts.ciphertext, aad.encode())
    except InvalidTag:
        raise _failed() from None


def _failed() -> DecryptionFailed:
    return DecryptionFailed("the ciphertext does not open")
