"""Everything that can go wrong, in one tree.

    ScribeError
    ├── Transient              try again later; the host retries, a client gets 503 or 429
    │   ├── StoreUnavailable
    │   ├── EngineUnavailable
    │   ├── ReadingUnfinished  a document takes longer than one request may; what was read is kept
    │   ├── SourceUnavailable  an address on the web does not answer
    │   └── ClaimLost
    └── Permanent              trying again changes nothing
        ├── InvalidInput       the caller can mend it: 400, 413, 415
        ├── NotAuthenticated   401
        ├── Forbidden          403
        ├── NotFound           404, also where existence itself is private
        ├── Conflict           409
        │   ├── ChunkConflict
        │   └── RequestInProgress
        ├── PreconditionFailed 412
        ├── AudioUndecodable   no chunk of a session could be decoded
        ├── SourceRefused      an address on the web holds nothing we may or can use
        ├── EngineRefused      an engine will never take this input
        └── DecryptionFailed   a ciphertext is not what it claims to be

Each class has a stable `code`, which clients may rely on. Messages carry ids and numbers only:
they end up in logs and in answers, where nothing a patient said, no name and no key may stand.
"""

from __future__ import annotations


class ScribeError(Exception):
    """The root: `code` is stable and machine-readable, the message is for people."""

    code = "internal_error"
    retry_after_s: int | None = None
    """Seconds after which the same request may meet something else."""

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class Transient(ScribeError):
    """Nothing is lost and nothing is wrong with the request: the same call may succeed later."""

    code = "temporarily_unavailable"
    retry_after_s = 5


class StoreUnavailable(Transient):
    """Blob Storage, a queue or Cosmos DB did not answer, or asked for patience."""

    code = "store_unavailable"


class EngineUnavailable(Transient):
    """A speech, note or document engine did not answer, or asked for patience.

    Other codes say more: `engine_busy` (a quota), and what only an operator can mend, `engine_denied` (key or role)
    and `engine_misconfigured` (address).
    """

    code = "engine_unavailable"


class ReadingUnfinished(Transient):
    """A document needs more time than a request has: the same request again goes on where this one stopped."""

    code = "document_unfinished"
    retry_after_s = 1


class SourceUnavailable(Transient):
    """A server on the web did not answer, or asked for patience."""

    code = "source_unavailable"


class ClaimLost(Transient):
    """Another worker took over a piece of work while this one was busy with it."""

    code = "claim_lost"


class Permanent(ScribeError):
    """Doing the same again gives the same outcome."""

    code = "failed"


class InvalidInput(Permanent):
    """The request cannot be accepted as it is; `code` says which rule it breaks."""

    code = "invalid_input"


class TooLarge(InvalidInput):
    """More bytes than the setting allows."""

    code = "too_large"


class UnsupportedMedia(InvalidInput):
    """The bytes are not of a kind this operation takes."""

    code = "unsupported_media"


class NotAuthenticated(Permanent):
    """No valid credentials came with the request."""

    code = "not_authenticated"


class Forbidden(Permanent):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFound(Permanent):
    """It does not exist, or the caller may not know whether it does."""

    code = "not_found"


class Conflict(Permanent):
    """What stands already excludes what was asked."""

    code = "conflict"


class ChunkConflict(Conflict):
    """The session has another chunk with this index."""

    code = "chunk_conflict"


class RequestInProgress(Conflict):
    """The same request, under the same idempotency key, is still being worked on."""

    code = "idempotency_in_progress"
    retry_after_s = 5


class AlreadyExists(Conflict):
    """A create-only write met an existing item."""

    code = "already_exists"


class PreconditionFailed(Permanent):
    """The item changed since the caller read it (If-Match)."""

    code = "precondition_failed"


class AudioUndecodable(Permanent):
    """Not one chunk of the session holds audio that can be decoded."""

    code = "audio_undecodable"


class SourceRefused(Permanent):
    """What a URL leads to cannot be used, and asking again will not change that."""

    code = "recording_unusable"


class EngineRefused(Permanent):
    """An engine refuses this input for good."""

    code = "engine_refused"


class DecryptionFailed(Permanent):
    """Wrong key, moved or damaged ciphertext: one opaque error for all of them, on purpose."""

    code = "decryption_failed"
