"""The users of a partner: the clinicians whose sessions it sends.

Whoever made a user, and nobody else, finds them again; only admins find everybody's by id. A user with an id of the
partner's own has a UUID that is made from it, so that of two requests for the same one exactly one makes it, whatever
crashes in between.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from shared.domain.caller import Caller, as_partner
from shared.domain.errors import AlreadyExists, Conflict, NotFound
from shared.domain.model import Model
from shared.domain.names import DIRECTORY
from shared.domain.times import iso
from shared.ports import Clock, ItemStore
from shared.services.directory_lists import put_on_list, read_list

LISTED = "users"
_NAMESPACE = uuid5(NAMESPACE_URL, "session-scribe:users")


class User(Model):
    """A clinician, as their partner told of them. `id` is a UUID."""

    id: str
    partner: str
    partner_user_id: str | None = None
    display_name: str | None = None
    note_identifier: str | None = None
    """What the partner wants the clinician to be called by in its notes."""
    created: str


@dataclass(frozen=True)
class UserPage:
    """Users in order of id; `continuation` is where the next page starts, None at the end."""

    users: list[User]
    continuation: str | None


class Users:
    """Users in the directory, one item each, and one item for each partner that lists the ids of its users."""

    def __init__(self, items: ItemStore, clock: Clock) -> None:
        self._items = items
        self._clock = clock

    async def create(
        self, caller: Caller, *, partner_user_id: str | None, display_name: str | None, note_identifier: str | None
    ) -> User:
        """Make a user of the caller's. Raises: Conflict (`user_exists`) when the partner's id has one."""
        user = User(
            id=user_id_of(caller.id, partner_user_id) if partner_user_id is not None else str(uuid4()),
            partner=caller.id,
            partner_user_id=partner_user_id,
            display_name=display_name,
            note_identifier=note_identifier,
            created=iso(self._clock.now()),
        )
        # The list first: an id too many leads nowhere, an id too few hides a user.
        await put_on_list(self._items, _list_key(caller.id), LISTED, user.id, self._clock.now())
        body = {**user.model_dump(mode="json"), "id": _key(user.id), "kind": "user"}
        try:
            await self._items.create(DIRECTORY, _key(user.id), body)
        except AlreadyExists:
            raise Conflict("there is a user with this partnerUserId: look it up", code="user_exists") from None
        return user

    async def get(self, caller: Caller, user_id: str) -> User:
        """A user of the caller's. Raises: NotFound (`user_not_found`), also for another partner's."""
        user = await self._find(user_id)
        if user is None or not as_partner(caller, user.partner):
            raise NotFound(f"no user {user_id}", code="user_not_found")
        return user

    async def check(self, caller: Caller, partner_user_id: str) -> User | None:
        """The caller's user with this id of its own."""
        return await self._find(user_id_of(caller.id, partner_user_id))

    async def page(self, caller: Caller, *, limit: int, continuation: str | None) -> UserPage:
        """A page of the caller's users. One read for the list, one for each user on the page."""
        ids = sorted(await read_list(self._items, _list_key(caller.id), LISTED))
        start = bisect_left(ids, continuation or "")
        found = [await self._find(user_id) for user_id in ids[start : start + limit]]
        rest = ids[start + limit : start + limit + 1]
        return UserPage([user for user in found if user is not None], rest[0] if rest else None)

    async def _find(self, user_id: str) -> User | None:
        item = await self._items.read(DIRECTORY, _key(user_id), _key(user_id))
        return None if item is None else User.model_validate(item.body | {"id": user_id})


def user_id_of(partner: str, partner_user_id: str) -> str:
    """The UUID of the user that a partner knows by this id, whether there is one or not."""
    return str(uuid5(_NAMESPACE, f"{len(partner)}:{partner}:{partner_user_id}"))


def uuid_or_none(text: str) -> str | None:
    """A UUID as we write it; None when the text is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _key(user_id: str) -> str:
    return f"user:{user_id}"


def _list_key(partner: str) -> str:
    """A caller's id may hold characters that an item's id may not."""
    return f"users:{hashlib.sha256(partner.encode()).hexdigest()}"
