"""The bill of an hour of session: from two counted sessions and a price file that says what it is."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from bench.bill import PRICES, Counted, Prices, bill, session_of


def counted(minutes: float, each: float) -> Counted:
    return Counted(minutes, *[each] * (len(fields(Counted)) - 1))


def test_an_hour_is_what_all_sessions_take_and_what_grows_with_length():
    hour = session_of(60, counted(2, 14), counted(4, 18))  # 10, and 2 a minute
    assert hour == counted(60, 130)


def test_what_does_not_grow_is_not_multiplied():
    assert session_of(60, counted(2, 7), counted(4, 7)) == counted(60, 7)


def test_each_line_is_an_amount_times_its_price():
    prices = Prices.read()
    lines = {line.name: line for line in bill(counted(30, 1000), prices)}
    assert lines["speech"].cost == pytest.approx(0.5 * prices.speech.hour)
    assert lines["Cosmos DB requests"].cost == pytest.approx(1000 / 1e6 * prices.cosmos.million_request_units)
    assert (
        lines["model, read"].amount == prices.assumptions.prompt_tokens + 1000 / prices.assumptions.characters_per_token
    )


def test_no_entry_of_the_price_file_is_without_effect():
    session, held = counted(60, 1e6), yaml.safe_load(PRICES.read_text("utf-8"))
    before = sum(line.cost for line in bill(session, Prices.model_validate(held)))
    for section in (entry for entry in held.values() if isinstance(entry, dict)):
        for name, price in section.items():
            section[name] = price * 10
            assert sum(line.cost for line in bill(session, Prices.model_validate(held))) != before, name
            section[name] = price


def test_a_misspelt_price_is_refused(tmp_path: Path):
    file = tmp_path / "prices.yaml"
    file.write_text(PRICES.read_text("utf-8").replace("gb_second:", "gb_seconds:"), "utf-8")
    with pytest.raises(ValidationError, match="gb_second"):
        Prices.read(file)
