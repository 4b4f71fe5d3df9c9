"""What Azure's refusals mean to a session, and how long an engine goes on asking."""

from __future__ import annotations

import pytest

from shared.adapters.azure_answers import AskedToWait, Patience, engine_error
from shared.domain.errors import EngineRefused, EngineUnavailable

CODES = {
    None: "engine_unavailable",
    302: "engine_misconfigured",
    401: "engine_denied",
    403: "engine_denied",
    404: "engine_misconfigured",
    408: "engine_unavailable",
    429: "engine_busy",
    500: "engine_unavailable",
    503: "engine_unavailable",
}


@pytest.mark.parametrize(("status", "code"), CODES.items())
def test_what_is_not_the_sessions_fault_does_not_end_it(status, code):
    error = engine_error("service", status)
    assert isinstance(error, EngineUnavailable)
    assert error.code == code


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_the_service_says_of_the_request_is_final(status):
    assert isinstance(engine_error("service", status), EngineRefused)


def busy(wait_s: float | None = None) -> EngineUnavailable:
    error = engine_error("service", 429, retry_after_s=wait_s)
    assert isinstance(error, EngineUnavailable)
    return error


def test_waits_double_up_to_the_longest_and_end():
    patience = Patience(attempts=5, first_wait_s=2, longest_wait_s=10)
    assert [patience.wait_s(n, busy()) for n in range(1, 6)] == [2, 4, 8, 10, None]


def test_a_service_that_asks_for_patience_gets_it():
    patience = Patience(attempts=5, first_wait_s=2, longest_wait_s=10)
    assert patience.wait_s(1, busy(7)) == 7
    assert patience.wait_s(3, busy(7)) == 8


def test_one_that_asks_for_more_than_we_have_is_left_to_the_hosts_retry():
    error = busy(600)
    assert Patience(longest_wait_s=10).wait_s(1, error) is None
    assert isinstance(error, AskedToWait)
    assert error.retry_after_s == 600


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_only_an_operator_can_mend_is_not_asked_again(status):
    error = engine_error("service", status)
    assert isinstance(error, EngineUnavailable)
    assert Patience().wait_s(1, error) is None
