"""Erase a relationship: its keys, its audio, its records, its client's documents, and every mark of its people.

    1 order      a line on the list of open work, which the sweeper goes through: from here on it will be done
    2 mark       the relationship says `erasing`: it is nobody's any more
    3 look       sessions, documents and counts go into the line
    4 shred      the data keys: every transcript and note is unreadable from now on, in backups too
    5 delete     ledgers, blobs, pointers, rows, lists
    6 bury       in the relationship's place stands the receipt
    7 look again when no upload or worker that was under way can still be writing, and strike the line

Every step may be repeated, so a process that dies costs time and nothing else. Documents are looked for once: what a
client uploads afterwards is theirs anew.
"""

from __future__ import annotations

import logging

from shared.crypto.keyring import Keyrings
from shared.domain.access import note
from shared.domain.audit import Access
from shared.domain.document import DocumentPath
from shared.domain.erasure import Erasure, Receipt
from shared.domain.errors import NotFound, PreconditionFailed, ScribeError
from shared.domain.limits import Limits
from shared.domain.names import DIRECTORY, SESSIONS
from shared.domain.relationship import Named, Relationship, RelationshipState, relationship_key
from shared.domain.times import iso
from shared.ports import Change, Clock, Item, ItemStore, all_items
from shared.services.audit import AuditTrail
from shared.services.client_documents import ClientDocuments
from shared.services.ledger import OPEN
from shared.services.relationship_traces import Traces
from shared.services.relationships import Relationships, unknown_relationship

log = logging.getLogger(__name__)

KIND = "erasure"
BY_ITSELF = Access(caller="session-scribe", roles=(), operation="finish_erasures", resources=(), outcome="ok")


class Eraser:
    """Erases relationships, now or where another process has left off."""

    def __init__(
        self,
        *,
        items: ItemStore,
        traces: Traces,
        keyrings: Keyrings,
        documents: ClientDocuments,
        relationships: Relationships,
        audit: AuditTrail,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._items = items
        self._traces = traces
        self._keyrings = keyrings
        self._documents = documents
        self._relationships = relationships
        self._audit = audit
        self._clock = clock
        self._limits = limits

    async def erase(self, relationship_id: str) -> Receipt:
        """The receipt, now or of the first time. For those who reach every relationship: nobody is asked here.

        Raises: NotFound (`relationship_not_found`); StoreUnavailable, after which it goes on by itself.
        """
        key = relationship_key(relationship_id)
        item = await self._items.read(DIRECTORY, key, key)
        if item is None:
            raise unknown_relationship(relationship_id)
        note(Named(relationship_id), allowed=True)
        if item.body.get("state") == RelationshipState.ERASED:
            return Receipt.model_validate(item.body["receipt"])
        return await self._first_pass(await self._order(relationship_id, item))

    async def resume(self) -> None:
        """Go through the list: finish what stands still, look again at what was finished a while ago.

        One relationship's trouble does not keep the others waiting. Raises: the last error met, at the end.
        """
        trouble: ScribeError | None = None
        async for line in all_items(self._items, SESSIONS, OPEN, equal={"kind": KIND}):
            erasure = Erasure.model_validate(line.body)
            try:
                await self._go_on(erasure, line.etag)
            except ScribeError as error:
                log.warning("relationship %s: erasing it met %s", erasure.relationship, error.code)
                trouble = error
        if trouble is not None:
            raise trouble

    async def _go_on(self, erasure: Erasure, etag: str) -> None:
        quiet = self._clock.now() - erasure.touched
        if erasure.receipt is None and quiet >= self._limits.push_after:
            log.warning("relationship %s: erasing it stood still, taken up again", erasure.relationship)
            await self._mark(erasure.relationship)
            await self._first_pass(erasure)
            await self._audit.append(
                erasure.relationship,
                BY_ITSELF.model_copy(update={"resources": (Named(erasure.relationship).resource,)}),
            )
        elif erasure.receipt is not None and quiet >= self._limits.settled_after:
            await self._second_pass(erasure, etag)

    async def _order(self, relationship_id: str, item: Item) -> Erasure:
        """The line first: if the process dies right after, the erasure is done all the same."""
        line = await self._items.read(SESSIONS, OPEN, _line_id(relationship_id))
        if line is not None:
            await self._mark(relationship_id)  # whoever wrote the line may have died before
            return Erasure.model_validate(line.body)
        found = Relationship.model_validate(item.body | {"id": relationship_id})
        erasure = Erasure(
            relationship=relationship_id,
            therapist_userid=found.therapist_userid,
            client_userid=found.client_userid,
            partner=found.partner,
            touched=self._clock.now(),
        )
        await self._write(erasure)
        await self._mark(relationship_id)
        return erasure

    async def _mark(self, relationship_id: str) -> None:
        key = relationship_key(relationship_id)
        item = await self._items.read(DIRECTORY, key, key)
        if item is not None and item.body.get("state", RelationshipState.ACTIVE) == RelationshipState.ACTIVE:
            await self._items.patch(DIRECTORY, key, key, [Change("set", "/state", RelationshipState.ERASING)])

    async def _first_pass(self, erasure: Erasure) -> Receipt:
        if erasure.sessions is None:
            sessions = await self._traces.sessions(erasure)
            counts = await self._traces.counts(erasure, sessions)
            documents = await self._client_documents(erasure)
            found = {"sessions": tuple(sorted(sessions)), "counts": counts, "documents": tuple(documents)}
            erasure = erasure.model_copy(update=found)
            await self._write(erasure)
        key_ids = await self._keyrings.shred(erasure.relationship)
        await self._traces.delete(erasure, erasure.sessions or ())
        for path in erasure.documents:
            await self._documents.delete(path)
        receipt = Receipt(
            relationship=erasure.relationship,
            erased_at=iso(self._clock.now()),
            counts={**erasure.counts, "documents": len(erasure.documents), "data_keys": len(key_ids)},
            key_ids=tuple(key_ids),
            documents=tuple(DocumentPath.parse(path).resource for path in erasure.documents),
        )
        await self._bury(erasure, receipt)
        done = {"receipt": receipt, "documents": (), "touched": self._clock.now()}
        await self._write(erasure.model_copy(update=done))
        log.info("relationship %s: erased", erasure.relationship)
        return receipt

    async def _client_documents(self, erasure: Erasure) -> list[str]:
        """The client's own uploads, once no relationship of theirs is left that these belong to as well."""
        if erasure.client_userid is None:
            return []
        standing = await self._relationships.of_client(erasure.client_userid)
        if any(each.id != erasure.relationship for each in standing):
            return []
        return await self._documents.of(erasure.client_userid)

    async def _second_pass(self, erasure: Erasure, etag: str) -> None:
        """What an upload or a worker wrote that had begun before; it was sealed with keys that are gone, if at all."""
        assert erasure.receipt is not None
        sessions = {*(erasure.sessions or ()), *await self._traces.sessions(erasure)}
        late = await self._traces.counts(erasure, sessions)
        if late["records"] or late["blobs"]:
            log.warning("relationship %s: erased what came late: %s", erasure.relationship, late)
        await self._keyrings.shred(erasure.relationship)
        await self._traces.delete(erasure, sessions)
        if erasure.client_userid is not None:
            await self._documents.tidy(erasure.client_userid, before=self._clock.now() - self._limits.settled_after)
        await self._bury(erasure, erasure.receipt)
        try:
            await self._items.delete(SESSIONS, OPEN, _line_id(erasure.relationship), etag=etag)
        except (NotFound, PreconditionFailed):
            return  # another process looks after it

    async def _bury(self, erasure: Erasure, receipt: Receipt) -> None:
        key = relationship_key(erasure.relationship)
        body = {
            "id": key,
            "kind": "relationship",
            "state": RelationshipState.ERASED.value,
            "partner": erasure.partner,
            "receipt": receipt.model_dump(mode="json"),
        }
        await self._relationships.forget(
            Relationship(
                id=erasure.relationship,
                therapist_userid=erasure.therapist_userid,
                client_userid=erasure.client_userid,
            )
        )
        await self._items.upsert(DIRECTORY, key, body)

    async def _write(self, erasure: Erasure) -> None:
        body = {
            "id": _line_id(erasure.relationship),
            "session_id": OPEN,
            "kind": KIND,
            **erasure.model_dump(mode="json"),
        }
        await self._items.upsert(SESSIONS, OPEN, body)


def _line_id(relationship_id: str) -> str:
    return f"erase:{relationship_id}"
