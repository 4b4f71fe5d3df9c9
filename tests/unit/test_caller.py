from dataclasses import dataclass

import pytest

from shared.domain.caller import (
    Caller,
    Role,
    may_provision,
    may_reach,
    require_acting_for,
    require_role,
)
from shared.domain.errors import Forbidden


@dataclass(frozen=True)
class Relationship:
    therapist_userid: str = "therapist1"
    client_userid: str | None = "user2"
    relationship_id: str = "pair1"
    resource: str = "relationship:pair1"
    partner: str | None = None


THERAPIST = Caller(id="therapist1", roles=frozenset({Role.THERAPIST}))
OTHER_THERAPIST = Caller(id="therapist9", roles=frozenset({Role.THERAPIST}))
CLIENT = Caller(id="user2", roles=frozenset({Role.CLIENT}))
OTHER_CLIENT = Caller(id="user9", roles=frozenset({Role.CLIENT}))
SERVICE = Caller(id="partner", roles=frozenset({Role.SERVICE}))
ADMIN = Caller(id="root", roles=frozenset({Role.ADMIN}))
NOBODY = Caller(id="therapist1")


@pytest.mark.parametrize("caller", [THERAPIST, CLIENT, SERVICE, ADMIN])
def test_a_relationship_is_open_to_its_two_people_and_to_services(caller):
    assert may_reach(caller, Relationship())


@pytest.mark.parametrize("caller", [OTHER_THERAPIST, OTHER_CLIENT, NOBODY])
def test_to_anyone_else_it_does_not_exist(caller):
    assert not may_reach(caller, Relationship())


def test_a_relationship_without_a_client_user_is_open_to_no_client():
    assert not may_reach(CLIENT, Relationship(client_userid=None))


def test_an_id_counts_only_in_the_role_it_is_for():
    posing = Caller(id="therapist1", roles=frozenset({Role.CLIENT}))
    assert not may_reach(posing, Relationship())
    posing = Caller(id="user2", roles=frozenset({Role.THERAPIST}))
    assert not may_reach(posing, Relationship())


@pytest.mark.parametrize("caller", [THERAPIST, CLIENT, SERVICE, ADMIN])
def test_a_request_may_name_the_caller(caller):
    require_acting_for(caller, therapist_userid="therapist1", client_userid="user2")


@pytest.mark.parametrize("caller", [OTHER_THERAPIST, OTHER_CLIENT, NOBODY])
def test_a_request_for_somebody_else_is_forbidden(caller):
    with pytest.raises(Forbidden):
        require_acting_for(caller, therapist_userid="therapist1", client_userid="user2")


def test_a_client_must_be_named_to_act():
    with pytest.raises(Forbidden):
        require_acting_for(CLIENT, therapist_userid="therapist1", client_userid=None)


@pytest.mark.parametrize(
    ("caller", "always", "on_first_upload"),
    [(SERVICE, True, True), (ADMIN, True, True), (THERAPIST, False, True), (CLIENT, False, False)],
)
def test_who_may_make_a_relationship(caller, always, on_first_upload):
    assert may_provision(caller, on_first_upload=False) is always
    assert may_provision(caller, on_first_upload=True) is on_first_upload


def test_an_operation_may_ask_for_a_role():
    require_role(ADMIN, Role.SERVICE, Role.ADMIN)
    with pytest.raises(Forbidden):
        require_role(THERAPIST, Role.SERVICE, Role.ADMIN)
