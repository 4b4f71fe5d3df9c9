"""Instruction sets for a user: their own where they have written one, else the standard."""

from __future__ import annotations

from shared.domain.caller import Caller, Role
from shared.domain.errors import AlreadyExists, Forbidden, PreconditionFailed
from shared.domain.names import DIRECTORY
from shared.domain.note import ParticipantsType, SessionType
from shared.domain.times import iso
from shared.notes.instructions import RULES, InstructionSet, instruction_set
from shared.notes.templates import template_for
from shared.ports import Clock, Item, ItemStore

MAX_CHARACTERS = 50_000


class Instructions:
    """Standard sets come with the product; personal ones are in the directory, one item a user and type."""

    def __init__(self, items: ItemStore, clock: Clock) -> None:
        self._items = items
        self._clock = clock

    async def of(self, instruction_type: str, user_id: str | None = None) -> InstructionSet:
        """The set that `user_id` goes by. Raises: NotFound (`instructions_not_found`) for an unknown type."""
        standard = instruction_set(instruction_type)
        own = await self._read(instruction_type, user_id) if user_id is not None else None
        return standard if own is None else InstructionSet.model_validate(own.body)

    async def for_note(self, session_type: SessionType, user_id: str) -> str | None:
        """What a user has written about notes in this format, and about notes at all; None where they have not."""
        format_ = template_for(session_type, ParticipantsType.INDIVIDUAL).key
        own = [await self._read(kind, user_id) for kind in (format_, RULES)]
        return "\n\n".join(str(item.body["instructions"]).strip() for item in own if item is not None) or None

    async def keep(self, instruction_type: str, user_id: str, *, title: str | None, markdown: str) -> InstructionSet:
        """Store a user's own set, its version one higher than the last. Raises: NotFound for an unknown type."""
        standard = instruction_set(instruction_type)
        while True:
            old = await self._read(instruction_type, user_id)
            own = InstructionSet(
                instruction_type=instruction_type,
                title=title or standard.title,
                version=old.body["version"] + 1 if old else 1,
                instructions=markdown,
            )
            try:
                await self._write(own, user_id, old)
            except (AlreadyExists, PreconditionFailed):
                continue  # the user has written from elsewhere at the same time
            return own

    async def _read(self, instruction_type: str, user_id: str) -> Item | None:
        key = _key(instruction_type, user_id)
        return await self._items.read(DIRECTORY, key, key)

    async def _write(self, own: InstructionSet, user_id: str, old: Item | None) -> None:
        key = _key(own.instruction_type, user_id)
        body = {
            "id": key,
            "kind": "instructions",
            "user_id": user_id,
            "updated": iso(self._clock.now()),
            **own.model_dump(mode="json"),
        }
        if old is None:
            await self._items.create(DIRECTORY, key, body)
        else:
            await self._items.replace(DIRECTORY, key, body, etag=old.etag)


def require_own_instructions(caller: Caller, user_id: str) -> None:
    """Personal sets are their therapist's, and open to service and admin. Raises: Forbidden."""
    if not (caller.reaches_all or (caller.is_(Role.THERAPIST) and caller.id == user_id)):
        raise Forbidden("these instructions are somebody else's")


def _key(instruction_type: str, user_id: str) -> str:
    return f"instructions:{user_id}:{instruction_type}"
