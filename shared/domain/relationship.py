"""A therapist-client pair: what everything patient-related hangs on."""

from __future__ import annotations

from enum import StrEnum

from shared.domain.model import Model


class RelationshipState(StrEnum):
    """An erased one stays as a mark, without its people, so that its id is never used again."""

    ACTIVE = "active"
    ERASING = "erasing"
    ERASED = "erased"


class Relationship(Model):
    """A therapist-client pair. `id` is the wire's `therapist_clientid`."""

    id: str
    therapist_userid: str
    client_userid: str | None = None
    partner: str | None = None
    """Whose user the therapist is, where a partner made them."""
    state: RelationshipState = RelationshipState.ACTIVE
    listed: bool = False
    """Whether it is on the lists of its people; those made before there were lists are not."""

    @property
    def relationship_id(self) -> str:
        """Its own."""
        return self.id

    @property
    def resource(self) -> str:
        """See Resource.resource."""
        return f"relationship:{self.id}"


class Named:
    """A relationship of which only the id matters."""

    def __init__(self, relationship_id: str) -> None:
        self.relationship_id = relationship_id
        self.resource = f"relationship:{relationship_id}"


def relationship_key(relationship_id: str) -> str:
    """Id of the directory's item."""
    return f"relationship:{relationship_id}"
