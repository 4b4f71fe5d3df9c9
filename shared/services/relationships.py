"""Who treats whom: the therapist-client pairs that everything patient-related hangs on."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.access import note
from shared.domain.caller import Caller, Role, as_partner, may_provision, may_reach
from shared.domain.errors import AlreadyExists, Conflict, NotFound, PreconditionFailed
from shared.domain.names import DIRECTORY
from shared.domain.recent import Recent
from shared.domain.relationship import Named, Relationship, RelationshipState, relationship_key
from shared.domain.times import iso
from shared.ports import Change, Clock, ItemStore
from shared.services.relationship_lists import RelationshipLists

REMEMBERED = timedelta(seconds=30)
REMEMBERED_AT_MOST = 1024


class Relationships:
    """The directory's relationships, and the rule of who reaches them.

    A relationship is remembered for `REMEMBERED`, so that the chunks of a session cost no look-up each. Nobody is
    refused by memory: it is asked again first.
    """

    def __init__(self, items: ItemStore, clock: Clock, *, provision_on_upload: bool) -> None:
        self._items = items
        self._clock = clock
        self._lists = RelationshipLists(items, clock)
        self._provision_on_upload = provision_on_upload
        self._recent: Recent[Relationship] = Recent(REMEMBERED, REMEMBERED_AT_MOST)

    async def reach(self, caller: Caller, relationship_id: str) -> Relationship:
        """The relationship, if it is the caller's. Raises: NotFound, also when it is somebody else's."""
        found = await self.find_own(caller, relationship_id)
        if found is None:
            raise unknown_relationship(relationship_id)
        return found

    async def find_own(self, caller: Caller, relationship_id: str) -> Relationship | None:
        """The relationship, or None when there is none that is the caller's."""
        found = self._recent.get(relationship_id, self._clock.now())
        if found is None or not may_reach(caller, found):
            found = await self._find(relationship_id)
        return found if found is not None and may_reach(caller, found) else None

    async def require_partner(self, caller: Caller, relationship_id: str) -> None:
        """Also of one that is not there any more. Raises: NotFound for what another partner has made."""
        item = await self._items.read(DIRECTORY, relationship_key(relationship_id), relationship_key(relationship_id))
        if item is not None and not as_partner(caller, item.body.get("partner")):
            note(Named(relationship_id), allowed=False)
            raise unknown_relationship(relationship_id)

    async def ids_of(self, caller: Caller) -> list[str]:
        """Ids of the relationships on the caller's own lists, sorted.

        A list may name one that never came to be or became somebody else's: ask for each whether it is theirs.
        """
        found: set[str] = set()
        for role in (Role.THERAPIST, Role.CLIENT):
            if caller.is_(role):
                found |= await self._lists.ids(role, caller.id)
        return sorted(found)

    async def of_client(self, userid: str) -> list[Relationship]:
        """All that stand with this client, sorted by id."""
        listed = await self._lists.ids(Role.CLIENT, userid)
        found = [await self._find(relationship_id) for relationship_id in sorted(listed)]
        return [each for each in found if each is not None and each.client_userid == userid]

    async def treats(self, caller: Caller, client_userid: str) -> bool:
        """Whether the caller is a therapist of this client, as it stands now."""
        if not caller.is_(Role.THERAPIST):
            return False
        return any(each.therapist_userid == caller.id for each in await self.of_client(client_userid))

    async def provision(
        self, relationship_id: str, *, therapist_userid: str, client_userid: str | None
    ) -> Relationship:
        """Make the relationship, or name another client for it. What was recorded before stays with its client.

        Its therapist never changes: a client who goes to somebody else begins a new relationship there.
        Raises: Conflict (`relationship_conflict` for another therapist, `relationship_erased`).
        """
        while True:
            item = await self._items.read(
                DIRECTORY, relationship_key(relationship_id), relationship_key(relationship_id)
            )
            if item is None:
                made = await self._make(relationship_id, therapist_userid, client_userid)
                note(made, allowed=True)
                if (made.therapist_userid, made.client_userid) == (therapist_userid, client_userid):
                    return made
                continue  # an upload has made it at the same time
            if item.body.get("state", RelationshipState.ACTIVE) != RelationshipState.ACTIVE:
                raise Conflict(f"relationship {relationship_id} was erased", code="relationship_erased")
            found = Relationship.model_validate(item.body | {"id": relationship_id})
            note(found, allowed=True)
            if found.therapist_userid != therapist_userid:
                raise Conflict(f"relationship {relationship_id} has another therapist", code="relationship_conflict")
            if found.client_userid == client_userid:
                return found
            changed = await self._with_client(found, client_userid, item.etag)
            if changed is not None:
                return changed

    async def _with_client(self, found: Relationship, client_userid: str | None, etag: str) -> Relationship | None:
        """None when the relationship has changed since it was read."""
        await self._lists.put(found.model_copy(update={"client_userid": client_userid}))
        changes = [Change("set", "/client_userid", client_userid), Change("set", "/listed", True)]
        key = relationship_key(found.id)
        try:
            written = await self._items.patch(DIRECTORY, key, key, changes, etag=etag)
        except PreconditionFailed:
            return None
        if found.client_userid is not None:
            await self._lists.take_off(Role.CLIENT, found.client_userid, found.id)
        return self._remember(Relationship.model_validate(written.body | {"id": found.id}))

    async def forget(self, found: Relationship) -> None:
        """Take the relationship off its people's lists and out of this process's memory."""
        self._recent.forget(found.id)
        await self._lists.take_off(Role.THERAPIST, found.therapist_userid, found.id)
        if found.client_userid is not None:
            await self._lists.take_off(Role.CLIENT, found.client_userid, found.id)

    async def admit(
        self,
        caller: Caller,
        relationship_id: str,
        *,
        therapist_userid: str,
        client_userid: str | None,
        partner: str | None = None,
    ) -> Relationship:
        """The relationship an upload is for, made on its first upload where the setting allows it.

        `partner` is whose it is to be, if it is made now.

        Raises: NotFound for a relationship that is not this therapist's, or does not exist and may not be made;
        Conflict (`client_conflict`) when it is another client's.
        """
        found = self._recent.get(relationship_id, self._clock.now())
        if found is None or client_userid not in {None, found.client_userid}:
            found = await self._find(relationship_id)
        if found is None:
            if not may_provision(caller, on_first_upload=self._provision_on_upload):
                raise unknown_relationship(relationship_id)
            found = await self._make(relationship_id, therapist_userid, client_userid, partner)
        elsewhere = caller.reaches_all and not as_partner(caller, found.partner)
        if elsewhere or found.therapist_userid != therapist_userid:
            note(found, allowed=False)
            raise unknown_relationship(relationship_id)
        if client_userid is not None and found.client_userid not in {None, client_userid}:
            raise Conflict(f"relationship {relationship_id} has another client", code="client_conflict")
        return await self._completed(found, client_userid)

    async def _completed(self, found: Relationship, client_userid: str | None) -> Relationship:
        """With its client, where the upload is the first to name them, and on its people's lists."""
        named = found.client_userid is None and client_userid is not None
        if not named and found.listed:
            return found
        client = client_userid if named else found.client_userid
        await self._lists.put(found.model_copy(update={"client_userid": client}))
        changes = [Change("set", "/client_userid", client), Change("set", "/listed", True)]
        written = await self._items.patch(DIRECTORY, relationship_key(found.id), relationship_key(found.id), changes)
        return self._remember(Relationship.model_validate(written.body | {"id": found.id}))

    async def _find(self, relationship_id: str) -> Relationship | None:
        item = await self._items.read(DIRECTORY, relationship_key(relationship_id), relationship_key(relationship_id))
        if item is None or item.body.get("state", RelationshipState.ACTIVE) != RelationshipState.ACTIVE:
            self._recent.forget(relationship_id)
            return None
        return self._remember(Relationship.model_validate(item.body | {"id": relationship_id}))

    def _remember(self, found: Relationship) -> Relationship:
        self._recent.put(found.id, found, self._clock.now())
        return found

    async def _make(
        self, relationship_id: str, therapist_userid: str, client_userid: str | None, partner: str | None = None
    ) -> Relationship:
        """The lists come first: a line too many is harmless, a line too few hides what somebody recorded."""
        made = Relationship(
            id=relationship_id,
            therapist_userid=therapist_userid,
            client_userid=client_userid,
            partner=partner,
            listed=True,
        )
        await self._lists.put(made)
        body = {
            **made.model_dump(mode="json"),
            "id": relationship_key(relationship_id),
            "kind": "relationship",
            "created": iso(self._clock.now()),
        }
        try:
            await self._items.create(DIRECTORY, relationship_key(relationship_id), body)
        except AlreadyExists:
            found = await self._find(relationship_id)
            if found is None:
                raise unknown_relationship(relationship_id) from None  # erased
            return found
        return self._remember(made)


def unknown_relationship(relationship_id: str) -> NotFound:
    """There is no such relationship, as far as the caller may know."""
    return NotFound(f"no relationship {relationship_id}", code="relationship_not_found")
