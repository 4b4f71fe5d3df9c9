"""API keys: known by their digest, good for what they were issued for, until they are revoked."""

from __future__ import annotations

import asyncio
import json

import pytest

from shared.domain.caller import Role
from shared.domain.errors import InvalidInput, NotAuthenticated, NotFound
from shared.services.api_keys import ApiKeys
from tests.unit.services.world import SetClock, Stores


@pytest.fixture
def keys(stores: Stores, clock: SetClock) -> ApiKeys:
    return ApiKeys(stores.items, clock)


async def test_a_key_says_who_holds_it(keys):
    secret, key = await keys.issue("clinic1")
    caller = await keys.verify(secret)
    assert (caller.id, caller.roles) == ("clinic1", {Role.SERVICE})
    assert (secret[:4], key.last_four) == ("ssk_", secret[-4:])


async def test_the_secret_is_not_stored(stores, keys):
    secret, _ = await keys.issue("clinic1")
    stored = json.dumps([row.text for rows in stores.items._partitions.values() for row in rows.values()])
    assert secret not in stored
    assert secret[4:-4] not in stored


@pytest.mark.parametrize("wrong", ["ssk_", "ssk_unknown", "clinic1", "", "ssk_ü\n"])
async def test_an_unknown_key_is_not_valid(keys, wrong):
    await keys.issue("clinic1")
    with pytest.raises(NotAuthenticated) as failed:
        await keys.verify(wrong)
    assert failed.value.code == "api_key_invalid"


async def test_a_key_is_good_whole_or_not_at_all(keys):
    secret, _ = await keys.issue("clinic1")
    for wrong in (secret[:-1], secret + "A", secret.swapcase(), secret[4:]):
        with pytest.raises(NotAuthenticated):
            await keys.verify(wrong)


async def test_a_revoked_key_ends_at_once(keys):
    secret, _ = await keys.issue("clinic1")
    await keys.revoke("clinic1")
    with pytest.raises(NotAuthenticated) as failed:
        await keys.verify(secret)
    assert failed.value.code == "api_key_revoked"


async def test_one_of_two_keys_is_revoked_by_its_last_four(keys):
    (old, _), (new, _) = await keys.issue("clinic1"), await keys.issue("clinic1")
    await keys.revoke("clinic1", old[-4:])
    assert (await keys.verify(new)).id == "clinic1"
    with pytest.raises(NotAuthenticated):
        await keys.verify(old)


async def test_revoking_again_keeps_the_first_time(keys, clock):
    await keys.issue("clinic1")
    [first] = await keys.revoke("clinic1")
    [revoked] = await keys.of("clinic1")
    clock.move(minutes=1)
    assert first.revoked is None
    assert await keys.revoke("clinic1") == []
    assert await keys.of("clinic1") == [revoked]


async def test_keys_issued_at_once_are_all_listed(keys):
    issued = await asyncio.gather(*(keys.issue("clinic1") for _ in range(5)))
    assert {key.last_four for key in await keys.of("clinic1")} == {secret[-4:] for secret, _ in issued}


async def test_what_was_never_issued_cannot_be_revoked(keys):
    with pytest.raises(NotFound):
        await keys.revoke("clinic1")


async def test_a_name_is_an_id(keys):
    with pytest.raises(InvalidInput):
        await keys.issue("clinic one")


async def test_a_key_shows_neither_secret_nor_digest(keys):
    secret, key = await keys.issue("clinic1")
    assert secret[4:-4] not in repr(key)
    assert key.digest not in repr(key)
