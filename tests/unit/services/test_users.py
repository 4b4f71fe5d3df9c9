"""A partner's users: found by their makers alone, made once whatever crashes."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.domain.caller import Caller, Role
from shared.domain.errors import Conflict, NotFound, StoreUnavailable
from shared.services.users import User, Users
from tests.faults import Fault, When

PARTNER = Caller(id="partner/1 #?", roles=frozenset({Role.SERVICE}))
OTHER_PARTNER = Caller(id="partner2", roles=frozenset({Role.SERVICE}))
ADMIN = Caller(id="admin1", roles=frozenset({Role.ADMIN}))


@pytest.fixture
def users(stores) -> Users:
    return Users(stores.items, stores.clock)


async def make(users: Users, partner_user_id: str | None = "p1", caller: Caller = PARTNER) -> User:
    return await users.create(caller, partner_user_id=partner_user_id, display_name="Dr. A", note_identifier="A")


async def test_a_user_is_found_by_id_and_by_the_partners_own_id(users):
    made = await make(users)
    assert str(UUID(made.id)) == made.id
    assert await users.get(PARTNER, made.id) == made
    assert await users.check(PARTNER, "p1") == made
    assert await users.check(PARTNER, "p2") is None


async def test_a_partners_id_makes_one_user(users):
    await make(users)
    with pytest.raises(Conflict) as refused:
        await make(users)
    assert refused.value.code == "user_exists"


async def test_without_one_each_request_makes_another(users):
    assert (await make(users, None)).id != (await make(users, None)).id


async def test_partners_do_not_see_each_others(users):
    made = await make(users)
    theirs = await make(users, caller=OTHER_PARTNER)
    assert theirs.id != made.id
    assert await users.get(ADMIN, made.id) == made
    with pytest.raises(NotFound):
        await users.get(OTHER_PARTNER, made.id)
    assert (await users.page(OTHER_PARTNER, limit=10, continuation=None)).users == [theirs]


async def test_all_are_listed_page_by_page(users):
    made = [await make(users, f"p{n}") for n in range(5)]
    found: list[User] = []
    continuation = None
    while True:
        page = await users.page(PARTNER, limit=2, continuation=continuation)
        assert len(page.users) <= 2
        found += page.users
        continuation = page.continuation
        if continuation is None:
            break
    assert found == sorted(made, key=lambda user: user.id)


async def test_a_partner_without_users_has_none(users):
    page = await users.page(PARTNER, limit=10, continuation=None)
    assert (page.users, page.continuation) == ([], None)


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
async def test_a_user_whose_making_broke_off_is_there_once_it_was_asked_for_again(stores, users, when):
    steps = Fault()
    await make(users, "first")
    await make(Users(steps.over(stores.items), stores.clock), "another")
    for number in range(1, len(steps.calls) + 1):
        own_id = f"p{number}"
        with pytest.raises(StoreUnavailable):
            await make(Users(Fault(number, when).over(stores.items), stores.clock), own_id)
        try:
            await make(users, own_id)
        except Conflict:
            assert when is When.AFTER  # it had been made, and its maker not told
        user = await users.check(PARTNER, own_id)
        assert user is not None
        assert user in (await users.page(PARTNER, limit=100, continuation=None)).users
