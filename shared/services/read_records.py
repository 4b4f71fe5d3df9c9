"""Finding rows: by wire id, of a client, of a session, or of all that is the caller's. Deleted ones are not there.

Every query stays in one partition. Whoever asks is held to what is theirs here, so that no trigger can forget it.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.domain.caller import Caller, Role, may_reach
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.names import DIRECTORY, RECORDS
from shared.domain.records import Record, pointer_id
from shared.ports import ItemStore
from shared.services.ledger import Ledger
from shared.services.relationships import Relationships

R = TypeVar("R", bound=Record)

PAGE = 100
PARTITIONS_A_PAGE = 20
"""How many relationships one page of a caller's own records looks into."""


@dataclass(frozen=True)
class Versioned(Generic[R]):
    """A row and the etag of the version that was read or written."""

    row: R
    etag: str


@dataclass(frozen=True)
class Listed(Generic[R]):
    """One page; fewer rows than asked for do not mean that it is the last: a missing continuation does."""

    rows: list[R] = field(default_factory=list)
    continuation: str | None = None


class RecordReader:
    """Recordings, transcripts and histories as the API shows them: `kind` is the row's class."""

    def __init__(self, *, items: ItemStore, relationships: Relationships, ledger: Ledger) -> None:
        self._items = items
        self._relationships = relationships
        self._ledger = ledger

    async def get(self, caller: Caller, kind: type[R], number: int) -> Versioned[R]:
        """The row with this wire id: two point reads. Raises: NotFound, also when it is somebody else's.

        The pointer is written before its row and outlives it, so what it leads to must say the same.
        """
        key = pointer_id(kind.KIND, number)
        pointer = await self._items.read(DIRECTORY, key, key)
        if pointer is None:
            raise unknown(kind, number)
        item = await self._items.read(RECORDS, pointer.body["partition"], pointer.body["item"])
        if item is None or (item.body["kind"], item.body.get("number")) != (kind.KIND, number):
            raise unknown(kind, number)
        row = kind.model_validate(item.body)
        if row.deleted or not await self._may_reach(caller, row):
            raise unknown(kind, number)
        return Versioned(row, item.etag)

    async def of_client(self, caller: Caller, kind: type[R], relationship: str, client_userid: str) -> list[R]:
        """All of a client, newest first. A row whose client was never named matches its relationship.

        Raises: NotFound (`relationship_not_found`).
        """
        await self._relationships.reach(caller, relationship)
        found: list[R] = []
        continuation = None
        while True:
            page = await self._page(caller, kind, relationship, {}, PAGE, continuation)
            found += [row for row in page.rows if row.client_userid in {None, client_userid}]
            continuation = page.continuation
            if continuation is None:
                return found

    async def page(
        self,
        caller: Caller,
        kind: type[R],
        *,
        relationship: str | None = None,
        session_id: str | None = None,
        limit: int = PAGE,
        continuation: str | None = None,
    ) -> Listed[R]:
        """A page of a relationship, of a session, or of all that is the caller's own; newest first.

        All of one's own come relationship by relationship. A service or an admin has none of its own and must
        say which are meant. Raises: NotFound (`relationship_not_found`, `session_not_found`), InvalidInput
        (`filter_required`, `invalid_continuation`).
        """
        if session_id is not None:
            session = await self._ledger.find(session_id)
            other = session is not None and relationship not in {None, session.therapist_clientid}
            if session is None or other or not may_reach(caller, session):
                raise NotFound(f"no session {session_id}", code="session_not_found")
            return await self._page(
                caller, kind, session.therapist_clientid, {"session_id": session_id}, limit, continuation
            )
        if relationship is not None:
            await self._relationships.reach(caller, relationship)
            return await self._page(caller, kind, relationship, {}, limit, continuation)
        if not caller.is_(Role.THERAPIST, Role.CLIENT) and caller.reaches_all:
            raise InvalidInput("say which are meant: therapist_clientid or session_id", code="filter_required")
        return await self._own(caller, kind, limit, continuation)

    async def _own(self, caller: Caller, kind: type[R], limit: int, continuation: str | None) -> Listed[R]:
        ids = await self._relationships.ids_of(caller)
        start, inner = _resume(continuation)
        rest = ids[bisect_left(ids, start) :]
        if rest[:1] != [start]:
            inner = None  # the relationship it stopped in is gone: go on behind it
        rows: list[R] = []
        for n, relationship in enumerate(rest):
            if len(rows) >= limit or n == PARTITIONS_A_PAGE:
                return Listed(rows, _continuation(relationship, None))
            if await self._relationships.find_own(caller, relationship) is not None:
                page = await self._page(caller, kind, relationship, {}, limit - len(rows), inner)
                rows += page.rows
                if page.continuation is not None:
                    return Listed(rows, _continuation(relationship, page.continuation))
            inner = None
        return Listed(rows)

    async def _page(
        self,
        caller: Caller,
        kind: type[R],
        relationship: str,
        equal: Mapping[str, Any],
        limit: int,
        continuation: str | None,
    ) -> Listed[R]:
        """Of a relationship that is the caller's; a client does not see rows that name another client."""
        page = await self._items.query(
            RECORDS,
            relationship,
            equal={"kind": kind.KIND, "deleted": False, **equal},
            order_by="created",
            descending=True,
            limit=limit,
            continuation=continuation,
        )
        rows = [kind.model_validate(item.body) for item in page.items]
        return Listed([row for row in rows if row.client_userid is None or may_reach(caller, row)], page.continuation)

    async def _may_reach(self, caller: Caller, row: Record) -> bool:
        if may_reach(caller, row):
            return True
        if row.client_userid is not None or not caller.is_(Role.CLIENT):
            return False
        return await self._relationships.find_own(caller, row.therapist_client_id) is not None


def unknown(kind: type[Record], number: int) -> NotFound:
    """There is no such record, as far as the caller may know."""
    return NotFound(f"no {kind.KIND} {number}", code=f"{kind.KIND}_not_found")


def _continuation(relationship: str, inner: str | None) -> str:
    """Where a list of one's own goes on: the relationship, and the continuation within it."""
    return base64.urlsafe_b64encode(json.dumps([relationship, inner]).encode()).decode("ascii")


def _resume(continuation: str | None) -> tuple[str, str | None]:
    if continuation is None:
        return "", None
    try:
        match json.loads(base64.urlsafe_b64decode(continuation)):
            case [str(relationship), None | str() as inner]:
                return relationship, inner
    except ValueError:
        pass
    raise InvalidInput("the continuation does not belong to this list", code="invalid_continuation")
