from datetime import UTC, datetime

import pytest

from shared.adapters.azure_answers import engine_error
from shared.adapters.azure_calls import patiently, retry_after_s
from shared.domain.errors import EngineRefused, EngineUnavailable, InvalidInput
from tests.servers.waits import Waits

NOW = datetime(2026, 2, 23, 9, 0, tzinfo=UTC)


class Failing:
    """A call that fails so often, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def answering(status: int | None, wished_s: float | None = None):
    return lambda error: engine_error("a service", status, retry_after_s=wished_s)


async def test_waits_grow_between_tries():
    waits = Waits()
    failing = Failing(*[OSError()] * 3)
    assert await patiently(failing, meaning=answering(503), patience=waits.patience(4)) == "done"
    assert waits.seconds == [1, 2, 4]


async def test_a_server_says_how_long_to_wait():
    waits = Waits()
    await patiently(Failing(OSError(), OSError()), meaning=answering(429, 7), patience=waits.patience())
    assert waits.seconds == [7, 7]


async def test_a_server_that_asks_for_too_long_is_left_to_the_caller():
    waits, call = Waits(), Failing(OSError())
    with pytest.raises(EngineUnavailable) as failed:
        await patiently(call, meaning=answering(429, 31), patience=waits.patience())
    assert (call.calls, waits.seconds) == (1, [])
    assert failed.value.retry_after_s == 31


async def test_patience_ends():
    waits, call = Waits(), Failing(*[OSError()] * 9)
    with pytest.raises(EngineUnavailable) as failed:
        await patiently(call, meaning=answering(None), patience=waits.patience(3))
    assert call.calls == 3
    assert failed.value.__suppress_context__, "an SDK's error may quote what was sent"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_what_will_not_change_is_not_tried_again(status):
    call = Failing(OSError())
    with pytest.raises((EngineUnavailable, EngineRefused)):
        await patiently(call, meaning=answering(status), patience=Waits().patience())
    assert call.calls == 1


async def test_our_own_errors_are_nobodys_to_translate():
    with pytest.raises(InvalidInput):
        await patiently(Failing(InvalidInput()), meaning=answering(503), patience=Waits().patience())


async def test_a_defect_stays_one():
    with pytest.raises(KeyError):
        await patiently(Failing(KeyError()), meaning=lambda _: None, patience=Waits().patience())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "12"}, 12),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "Mon, 23 Feb 2026 09:00:30 GMT"}, 30),
        ({"Retry-After": "Mon, 23 Feb 2026 08:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
    ],
)
def test_retry_after_in_each_form(headers, seconds):
    assert retry_after_s(headers, NOW) == seconds
