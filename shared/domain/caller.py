"""Who is calling, and what is theirs.

A therapist reaches the relationships whose therapist they are, a client those whose client they are; `admin` reaches
all, and `service` (a partner's back end) all but what another partner has made for users of its own. What is not
theirs does not exist for them: NotFound, not Forbidden.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from shared.domain.access import Resource, note
from shared.domain.errors import Forbidden
from shared.domain.model import Model


class Role(StrEnum):
    """What a token may say its bearer is."""

    THERAPIST = "therapist"
    CLIENT = "client"
    SERVICE = "service"
    ADMIN = "admin"


class Caller(Model):
    """Who a request is from. `id` is the user id of the wire, or a service's own; without roles nothing is theirs."""

    id: str
    roles: frozenset[Role] = frozenset()

    def is_(self, *roles: Role) -> bool:
        """Whether the caller has any of these roles."""
        return not self.roles.isdisjoint(roles)

    @property
    def reaches_all(self) -> bool:
        """Whether the caller may ask for anybody: no relationship is closed, but for another partner's."""
        return self.is_(Role.SERVICE, Role.ADMIN)


class Owned(Resource, Protocol):
    """A relationship, or a row that says whose it is."""

    @property
    def therapist_userid(self) -> str:
        """The therapist's user id."""
        ...

    @property
    def client_userid(self) -> str | None:
        """The client's user id, where it was given."""
        ...

    @property
    def partner(self) -> str | None:
        """Whose user the therapist is: the caller that made them. None where it is nobody's in particular."""
        ...


def may_reach(caller: Caller, owned: Owned) -> bool:
    """Whether a relationship, or a row of one, is the caller's. The answer is noted for the audit trail."""
    as_therapist = caller.is_(Role.THERAPIST) and caller.id == owned.therapist_userid
    as_client = caller.is_(Role.CLIENT) and caller.id == owned.client_userid
    allowed = as_partner(caller, owned.partner) or as_therapist or as_client
    note(owned, allowed=allowed)
    return allowed


def as_partner(caller: Caller, partner: str | None) -> bool:
    """Whether the caller is an admin, or a service to which what `partner` has made is open."""
    return caller.is_(Role.ADMIN) or (caller.is_(Role.SERVICE) and partner in {None, caller.id})


def require_write(caller: Caller, owned: Owned) -> None:
    """For what the caller reaches: its client may read it and change nothing.

    Raises: Forbidden.
    """
    as_therapist = caller.is_(Role.THERAPIST) and caller.id == owned.therapist_userid
    if not (caller.reaches_all or as_therapist):
        raise Forbidden("clients read their records and change none")


def require_role(caller: Caller, *roles: Role) -> None:
    """Raises: Forbidden unless the caller has one of these roles."""
    if not caller.is_(*roles):
        raise Forbidden("the caller's role does not allow this")


def require_acting_for(caller: Caller, *, therapist_userid: str, client_userid: str | None) -> None:
    """A request names the people it is for: one of them must be the caller, in that role.

    Raises: Forbidden. It reveals nothing, since nothing was looked up.
    """
    if caller.reaches_all:
        return
    as_therapist = caller.is_(Role.THERAPIST) and caller.id == therapist_userid
    as_client = caller.is_(Role.CLIENT) and client_userid is not None and caller.id == client_userid
    if not (as_therapist or as_client):
        raise Forbidden("the request is for somebody else")


def may_provision(caller: Caller, *, on_first_upload: bool) -> bool:
    """Whether the caller may make a relationship that does not exist yet.

    `on_first_upload` is the setting that lets a therapist's upload make it; a client never may.
    """
    return caller.reaches_all or (on_first_upload and caller.is_(Role.THERAPIST))
