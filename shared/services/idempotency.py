"""Idempotency keys: a client that heard no answer may ask again, and what it asked for happens once.

    absent ──begin──► busy ──complete──► done, with the answer      all of them end after KEPT
       ▲               │ ▲
       │  (silence or  ▼ │ begin
    forget   failure)  free

A key belongs to one caller, operation and path, and to the request it first came with. Answers are kept encrypted
under data keys of the caller's own; the key itself is never stored. What an operation does once more by itself
without harm (`repeatable`: reads, and writes that find what they wrote) is done again instead, so that its answer is
of today and who may see it is asked anew.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.crypto.keyring import Keyrings
from shared.domain.access import Decision
from shared.domain.caller import Caller
from shared.domain.errors import (
    AlreadyExists,
    Conflict,
    DecryptionFailed,
    NotFound,
    PreconditionFailed,
    RequestInProgress,
    ScribeError,
    Transient,
)
from shared.domain.model import Model
from shared.domain.names import DIRECTORY
from shared.domain.times import iso
from shared.ports import Clock, Item, ItemStore, JsonObject

log = logging.getLogger(__name__)

KEPT = timedelta(hours=24)
"""How long a key stands, from its first request."""
RUNNING = timedelta(seconds=240)
"""After this long nobody is still at it: a Functions host ends every answer after 230 seconds."""
KEYS = "idempotency:"
"""What callers' data keys are filed under begins with this, as no relationship's name does."""
MAX_BODY = 1024 * 1024
"""Bytes of an answer that is kept: an item has two megabytes."""


class _State(StrEnum):
    FREE = "free"
    BUSY = "busy"
    DONE = "done"


@dataclass(frozen=True)
class Scope:
    """Whose key it is and what for. `request` is whatever tells one request from another."""

    caller: Caller
    operation: str
    path: str
    key: str
    request: str

    @property
    def item_id(self) -> str:
        """Id of the directory's item."""
        roles = ",".join(sorted(self.caller.roles))
        return "idempotency:" + _digest(self.caller.id, roles, self.operation, self.path, self.key)

    @property
    def fingerprint(self) -> str:
        """The request in short. The key is in it, so that nobody can find out by trying what was asked."""
        return _digest(self.key, self.request)


@dataclass(frozen=True)
class Attempt:
    """One try at a request. `begun` is when it was first made, `again` whether an earlier try may have had effect."""

    begun: datetime
    again: bool = False
    scope: Scope | None = None
    etag: str | None = None
    """Of the item this try holds; None where it holds none."""


class Answer(Model):
    """An answer as it was given. `body` is Base64; `reached` is what the caller was let near."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str
    reached: tuple[Decision, ...] = ()

    @classmethod
    def of(
        cls, status: int, headers: Sequence[tuple[str, str]], body: bytes, reached: Sequence[Decision] = ()
    ) -> Answer:
        """From its bytes."""
        encoded = base64.b64encode(body).decode("ascii")
        return cls(status=status, headers=tuple(headers), body=encoded, reached=tuple(reached))

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        return base64.b64decode(self.body)


class IdempotencyKeys:
    """Keys in the directory. Every method but `complete` and `fail` may raise StoreUnavailable."""

    def __init__(self, *, items: ItemStore, keyrings: Keyrings, clock: Clock) -> None:
        self._items = items
        self._keyrings = keyrings
        self._clock = clock

    async def begin(self, scope: Scope, *, repeatable: bool) -> Attempt | Answer:
        """The right to try, or the answer that was given.

        Raises: Conflict (`idempotency_conflict`: the key came with another request; `idempotency_answer_not_kept`),
        RequestInProgress.
        """
        while True:
            item = await self._items.read(DIRECTORY, scope.item_id, scope.item_id)
            if item is not None and datetime.fromisoformat(item.body["expires"]) <= self._clock.now():
                await self._drop(scope, item.etag)
                item = None
            if item is None:
                attempt = await self._take(scope, None, repeatable=repeatable)
            elif item.body["request"] != scope.fingerprint:
                raise Conflict("this Idempotency-Key came with another request before", code="idempotency_conflict")
            elif repeatable:
                return Attempt(_begun(item), again=True)
            elif item.body["state"] == _State.DONE:
                return await self._kept(scope, item)
            elif item.body["state"] == _State.BUSY and _busy_until(item) > self._clock.now():
                raise RequestInProgress("the first request with this Idempotency-Key is still being worked on")
            else:
                attempt = await self._take(scope, item, repeatable=repeatable)
            if attempt is not None:
                return attempt

    async def complete(self, attempt: Attempt, answer: Answer) -> None:
        """Keep the answer. What keeps it from being kept costs the answer nothing: it is given all the same."""
        if attempt.scope is None or attempt.etag is None:
            return
        try:
            sealed = await self._sealed(attempt.scope, answer) if len(answer.body) <= MAX_BODY else None
            body = {**_body(attempt.scope, attempt.begun, _State.DONE, self._clock.now()), "answer": sealed}
            await self._items.replace(DIRECTORY, attempt.scope.item_id, body, etag=attempt.etag)
        except (NotFound, PreconditionFailed):
            return  # it took so long that another took over
        except ScribeError as error:
            log.warning("the answer to an idempotent request was not kept: %s", error.code)

    async def fail(self, attempt: Attempt, *, had_no_effect: bool) -> None:
        """Let the next request try at once, or, where this one did nothing, be as the first."""
        if attempt.scope is None or attempt.etag is None:
            return
        try:
            if had_no_effect and not attempt.again:
                await self._drop(attempt.scope, attempt.etag)
            else:
                body = _body(attempt.scope, attempt.begun, _State.FREE, self._clock.now())
                await self._items.replace(DIRECTORY, attempt.scope.item_id, body, etag=attempt.etag)
        except (NotFound, PreconditionFailed):
            return
        except Transient:
            return  # it expires by itself

    async def _take(self, scope: Scope, held: Item | None, *, repeatable: bool) -> Attempt | None:
        """None when somebody else was faster."""
        now = self._clock.now()
        begun = now if held is None else _begun(held)
        body = _body(scope, begun, _State.FREE if repeatable else _State.BUSY, now)
        try:
            if held is None:
                item = await self._items.create(DIRECTORY, scope.item_id, body)
            else:
                item = await self._items.replace(DIRECTORY, scope.item_id, body, etag=held.etag)
        except (AlreadyExists, NotFound, PreconditionFailed):
            return None
        return Attempt(begun, again=held is not None, scope=scope, etag=None if repeatable else item.etag)

    async def _drop(self, scope: Scope, etag: str) -> None:
        try:
            await self._items.delete(DIRECTORY, scope.item_id, scope.item_id, etag=etag)
        except (NotFound, PreconditionFailed):
            return

    async def _sealed(self, scope: Scope, answer: Answer) -> str:
        keyring = await self._keyrings.of(_keys_of(scope.caller))
        return keyring.seal(answer.model_dump_json(), aad=scope.item_id)

    async def _kept(self, scope: Scope, item: Item) -> Answer:
        try:
            opened = await self._keyrings.open(_keys_of(scope.caller), item.body["answer"] or "", aad=scope.item_id)
        except DecryptionFailed:  # there is none, or its key is gone
            raise Conflict("this was done; its answer was not kept", code="idempotency_answer_not_kept") from None
        return Answer.model_validate_json(opened)


def _body(scope: Scope, begun: datetime, state: _State, now: datetime) -> JsonObject:
    return {
        "id": scope.item_id,
        "kind": "idempotency",
        "request": scope.fingerprint,
        "state": state.value,
        "begun": iso(begun),
        "busy_until": (now + RUNNING).isoformat(),
        "expires": (begun + KEPT).isoformat(),
        "ttl": int(KEPT.total_seconds()),  # Cosmos DB clears it away then; what counts is `expires`
    }


def _begun(item: Item) -> datetime:
    return datetime.fromisoformat(item.body["begun"])


def _busy_until(item: Item) -> datetime:
    return datetime.fromisoformat(item.body["busy_until"])


def _keys_of(caller: Caller) -> str:
    """A caller's id may hold characters that an item's id may not, and the list of keys has items of these names."""
    return KEYS + _digest(caller.id)


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
