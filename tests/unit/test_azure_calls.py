from datetime import UTC, datetime

import pytest

from shared.adapters.azure_calls import Meaning, meaning_of_status, patiently, retry_after_s
from shared.domain.errors import EngineUnavailable, InvalidInput
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


def busy(wished_s: float | None = None):
    return lambda error: Meaning(EngineUnavailable(), again=True, wished_s=wished_s)


async def test_waits_grow_between_tries():
    waits = Waits()
    assert await patiently(Failing(*[OSError()] * 3), meaning=busy(), patience=waits.patience(3)) == "done"
    assert [0.5 <= waits.seconds[n] / 2**n <= 1 for n in range(3)] == [True] * 3


async def test_a_server_says_how_long_to_wait():
    waits = Waits()
    await patiently(Failing(OSError(), OSError()), meaning=busy(7), patience=waits.patience())
    assert waits.seconds == [7, 7]


async def test_a_server_that_asks_for_too_long_is_left_to_the_caller():
    waits, call = Waits(), Failing(OSError())
    with pytest.raises(EngineUnavailable):
        await patiently(call, meaning=busy(31), patience=waits.patience())
    assert (call.calls, waits.seconds) == (1, [])


async def test_patience_ends():
    waits, call = Waits(), Failing(*[OSError()] * 9)
    with pytest.raises(EngineUnavailable) as failed:
        await patiently(call, meaning=busy(), patience=waits.patience(2))
    assert call.calls == 3
    assert failed.value.__suppress_context__, "an SDK's error may quote what was sent"


async def test_what_is_final_is_not_tried_again():
    call = Failing(OSError())
    with pytest.raises(InvalidInput):
        await patiently(call, meaning=lambda _: Meaning(InvalidInput()), patience=Waits().patience())
    assert call.calls == 1


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


@pytest.mark.parametrize(
    ("status", "again", "code"),
    [
        (401, False, "engine_denied"),
        (403, False, "engine_denied"),
        (404, False, "engine_misconfigured"),
        (408, True, "engine_unavailable"),
        (429, True, "engine_busy"),
        (500, True, "engine_unavailable"),
        (503, True, "engine_unavailable"),
    ],
)
def test_what_any_service_may_answer(status, again, code):
    meant = meaning_of_status(status, {}, "a service", EngineUnavailable)
    assert meant is not None
    assert meant.again is again
    assert isinstance(meant.error, EngineUnavailable)
    assert meant.error.code == code
    assert str(status) in str(meant.error)


def test_what_is_the_services_own_is_left_to_it():
    assert meaning_of_status(400, {}, "a service", EngineUnavailable) is None


def test_a_client_is_told_how_long_to_wait():
    meant = meaning_of_status(429, {"Retry-After": "8.2"}, "a service", EngineUnavailable)
    assert meant is not None
    assert meant.error.retry_after_s == 9  # type: ignore[attr-defined]
