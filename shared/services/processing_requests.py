"""What a processing session was asked with, encrypted beside its ledger until it is not needed any more."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from shared.crypto.envelope import associated_data
from shared.crypto.keyring import Keyrings
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.domain.names import RECORDS, SESSIONS
from shared.domain.processing import Brief
from shared.domain.session import Session
from shared.ports import Change, ItemStore, JsonObject

ITEM = "request"
RESOURCE = "processing-sessions"
LINE = "request_line"
"""Kind of the rows that lead from a relationship to the requests under its keys."""


@dataclass(frozen=True)
class Asked:
    """A request, decrypted. `url` and `plan` are None where there was none, and once they are forgotten."""

    brief: Brief
    url: str | None = field(default=None, repr=False)
    plan: str | None = field(default=None, repr=False)


class ProcessingRequests:
    """One item in the partition of each processing session, its texts under the data keys of the owner's relationship.

    The recording's URL counts as a secret, since it may be signed, and the treatment plan is not ours to keep: both
    are gone once the session has ended.
    """

    def __init__(self, items: ItemStore, keyrings: Keyrings) -> None:
        self._items = items
        self._keyrings = keyrings

    async def list_with_relationship(self, session: Session) -> None:
        """Before the request is stored: a session that fails early leaves no other row to find it by."""
        body: JsonObject = {
            "id": f"request:{session.session_id}",
            "therapist_client_id": session.therapist_clientid,
            "kind": LINE,
            "session_id": session.session_id,
        }
        with suppress(AlreadyExists):
            await self._items.create(RECORDS, session.therapist_clientid, body)

    async def item(self, session: Session, asked: Asked) -> JsonObject:
        """The item to be stored together with the session."""
        keyring = await self._keyrings.of(session.therapist_clientid)
        texts = {"brief": asked.brief.model_dump_json(), "url": asked.url, "plan": asked.plan}
        sealed = {name: keyring.seal(text, aad=_aad(session, name)) for name, text in texts.items() if text is not None}
        return {"id": ITEM, "session_id": session.session_id, "kind": "request", **sealed}

    async def read(self, session: Session) -> Asked | None:
        """What the session was asked with; None for one that was uploaded in chunks. Raises: DecryptionFailed."""
        if session.partner is None:
            return None
        item = await self._items.read(SESSIONS, session.session_id, ITEM)
        if item is None:
            return None
        opened = {name: await self._opened(session, name, item.body) for name in ("brief", "url", "plan")}
        return Asked(Brief.model_validate_json(opened["brief"] or "{}"), opened["url"], opened["plan"])

    async def forget(self, session: Session, *names: str) -> None:
        """Take out `url` or `plan`; forgetting what is not there is fine."""
        while True:
            item = await self._items.read(SESSIONS, session.session_id, ITEM)
            changes = [Change("remove", f"/{name}") for name in names if item is not None and name in item.body]
            if item is None or not changes:
                return
            try:
                await self._items.patch(SESSIONS, session.session_id, ITEM, changes, etag=item.etag)
            except (NotFound, PreconditionFailed):
                continue  # erased, or forgotten by another: look again
            return

    async def _opened(self, session: Session, name: str, body: JsonObject) -> str | None:
        if name not in body:
            return None
        opened = await self._keyrings.open(session.therapist_clientid, body[name], aad=_aad(session, name))
        return opened.decode()


def _aad(session: Session, name: str) -> str:
    return associated_data(RESOURCE, session.session_id, name)
