"""What the Cosmos adapter makes of a store that is gone, silent or asks for patience."""

from collections.abc import AsyncIterator

import pytest

from localcloud.processes import LOOPBACK, free_port
from shared.adapters.cosmos_items import CosmosItems
from shared.domain.errors import (
    AlreadyExists,
    NotFound,
    Permanent,
    PreconditionFailed,
    ScribeError,
    StoreUnavailable,
    TooLarge,
)
from shared.ports import Change, Create
from tests.servers.cosmos_account import Account

KEY = "a2V5"
ITEM = {"id": "one", "session_id": "s"}


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    account = Account()
    await account.start()
    yield account
    await account.stop()


@pytest.fixture
async def items(account: Account) -> AsyncIterator[CosmosItems]:
    items = CosmosItems(account.endpoint, KEY)
    yield items
    await items.close()


async def failure_of(items: CosmosItems) -> ScribeError:
    with pytest.raises(ScribeError) as failure:
        await items.create("sessions", "s", ITEM)
    return failure.value


async def test_nobody_listening_is_store_unavailable():
    items = CosmosItems(f"http://{LOOPBACK}:{free_port()}/", KEY)
    assert isinstance(await failure_of(items), StoreUnavailable)
    await items.close()


async def test_the_same_store_works_once_the_account_is_back():
    account = Account(status=404)
    items = CosmosItems(account.endpoint, KEY)
    assert isinstance(await failure_of(items), StoreUnavailable)
    await account.start()
    assert await items.read("sessions", "s", "one") is None
    await account.stop()
    assert isinstance(await failure_of(items), StoreUnavailable)
    await items.close()


async def test_a_store_that_never_answers_is_given_up_on(account):
    account.answering.clear()
    items = CosmosItems(account.endpoint, KEY, deadline_s=0.3)
    failure = await failure_of(items)
    assert isinstance(failure, StoreUnavailable)
    assert "no answer" in str(failure)
    assert account.asked == 1
    await items.close()


@pytest.mark.parametrize("status", [401, 403, 408, 410, 429, 449, 500, 503])
async def test_what_may_pass_is_store_unavailable(account, items, status):
    account.status = status
    assert type(await failure_of(items)) is StoreUnavailable


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFound), (409, AlreadyExists), (412, PreconditionFailed), (413, TooLarge)]
)
async def test_what_will_not_pass_has_an_error_of_its_own(account, items, status, error):
    account.status = status
    assert type(await failure_of(items)) is error


async def test_a_request_cosmos_does_not_understand_is_refused_for_good(account, items):
    account.status = 400
    failure = await failure_of(items)
    assert type(failure) is Permanent
    assert failure.code == "store_refused"


async def test_a_success_that_cannot_be_read_is_no_refusal(account, items):
    account.status, account.text = 201, "half of what was"
    assert type(await failure_of(items)) is StoreUnavailable


async def test_the_wait_cosmos_asks_for_is_passed_on(account, items):
    account.status, account.headers = 429, {"x-ms-retry-after-ms": "1200"}
    failure = await failure_of(items)
    assert isinstance(failure, StoreUnavailable)
    assert failure.retry_after_s == 2


@pytest.mark.parametrize("status", [408, 500, 503])
async def test_a_write_without_an_answer_is_not_sent_twice_unseen(account, items, status):
    account.status = status
    await failure_of(items)
    assert account.asked == 1


async def test_a_write_whose_answer_was_cut_off_is_not_sent_twice_unseen(account, items):
    account.drops = True
    assert type(await failure_of(items)) is StoreUnavailable
    with pytest.raises(StoreUnavailable):
        await items.batch("sessions", "s", [Create(ITEM)])
    with pytest.raises(StoreUnavailable):
        await items.patch("sessions", "s", "one", [Change("incr", "/n", 1)])
    assert account.asked == 3


async def test_a_missing_container_is_not_a_missing_item(account, items):
    account.container_status = 404
    with pytest.raises(StoreUnavailable):
        await items.read("sessions", "s", "one")


async def test_a_container_that_went_away_is_not_a_missing_item(account, items):
    account.status, account.headers = 404, {"x-ms-substatus": "1003"}
    with pytest.raises(StoreUnavailable):
        await items.read("sessions", "s", "one")


async def test_a_batch_fails_like_a_single_write(account, items):
    with pytest.raises(StoreUnavailable):
        await items.batch("sessions", "s", [Create(ITEM)])


async def test_messages_carry_ids_and_no_content(account, items):
    with pytest.raises(StoreUnavailable) as failure:
        await items.create("sessions", "s", ITEM | {"text": "what the client said"})
    assert str(failure.value) == "create sessions/one: status 503"
