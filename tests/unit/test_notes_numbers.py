"""Numbers and doses, spoken or written."""

from decimal import Decimal

import pytest

from shared.notes.numbers import Number, doses_in, numbers_in


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("fifty milligrams a day", [("50", "mg")]),
        ("50mg", [("50", "mg")]),
        ("a hundred and fifty micrograms", [("150", "mcg")]),
        ("one hundred fifty", [("150", "")]),
        ("two thousand and three", [("2003", "")]),
        ("1,500 ml", [("1500", "ml")]),
        ("twelve point five mg", [("12.5", "mg")]),
        ("point four milligrams", [("0.4", "mg")]),
        ("twenty-five", [("25", "")]),
        ("four or five hours", [("4", ""), ("5", "")]),
        ("nine eight eight", [("8", ""), ("9", "")]),
        ("I skipped it twice", [("2", "")]),
        ("one panic attack", [("1", "")]),
        ("that one, one of them, no one", []),
        ("what's the point of a hundreds and thousands cake", []),
    ],
)
def test_numbers_are_read_as_they_are_said(text, numbers):
    assert numbers_in(text) == {Number(Decimal(value), unit) for value, unit in numbers}


@pytest.mark.parametrize(
    "text",
    [
        "sertraline fifty milligrams and one hundred mg of quetiapine",
        "sertraline 50 mg, quetiapine 100 mg",
        "I take 50 mg of sertraline and 100 mg of quetiapine",
    ],
)
def test_a_dose_belongs_to_its_medicine(text):
    assert doses_in(text) == {
        ("sertraline", Number(Decimal(50), "mg")),
        ("quetiapine", Number(Decimal(100), "mg")),
    }
