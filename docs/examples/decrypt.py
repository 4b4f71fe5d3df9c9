"""Decrypt what the API returns, with the keys of a relationship.

    python decrypt.py keys.json transcripts/17/transcript < envelope.txt

`keys.json` is the answer of GET /api/relationships/{therapist_clientid}/keys. The second argument says which field
of which record the text is from, `{resource}/{id}/{field}`:

    transcripts/17/transcript    transcripts/17/transcript_summary    histories/9/transcript_summary

An envelope is standard Base64 of: 0x01 · key id (UUID, 16 bytes) · nonce (12 bytes) · ciphertext · tag (16 bytes),
encrypted with AES-256-GCM; the place above is the associated data. Needs Python 3.11+ and `cryptography`.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_HEADER, _TAG = 29, 16


def decrypt_envelope(envelope: str, keys: Iterable[Mapping[str, str]], aad: str) -> str:
    """Return the text in `envelope`, with `keys` as the API gives them: `[{"kid", "key", "created"}]`.

    Raises: ValueError when it is no envelope, KeyError when its key is not among `keys`, and
    cryptography.exceptions.InvalidTag when it was changed or is from another place than `aad` says.
    """
    raw = base64.b64decode(envelope, validate=True)
    if len(raw) < _HEADER + _TAG or raw[0] != 1:
        raise ValueError("not an envelope")
    secrets = {UUID(key["kid"]): base64.b64decode(key["key"]) for key in keys}
    secret = secrets[UUID(bytes=raw[1:17])]
    return AESGCM(secret).decrypt(raw[17:_HEADER], raw[_HEADER:], aad.encode()).decode()


if __name__ == "__main__":
    answer = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    text = decrypt_envelope(sys.stdin.read().strip(), answer["keys"], sys.argv[2])
    sys.stdout.write(text + "\n")
