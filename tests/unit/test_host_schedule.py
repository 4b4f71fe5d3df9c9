"""NCRONTAB expressions of six fields, and intervals."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.host.schedule import Cron, parse_schedule
from localcloud.host.settings import SettingsError


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */5 * * * *", "2026-02-23T10:02:30", "2026-02-23T10:05:00"),
        ("0 */5 * * * *", "2026-02-23T10:05:00", "2026-02-23T10:10:00"),
        ("0 0 * * * *", "2026-02-23T23:30:00", "2026-02-24T00:00:00"),
        ("30 4 * * * *", "2026-02-23T10:04:29.999", "2026-02-23T10:04:30"),
        ("0 30 9 * * 1-5", "2026-02-20T09:30:00", "2026-02-23T09:30:00"),
        ("0 30 9 * * MON-FRI", "2026-02-20T09:30:00", "2026-02-23T09:30:00"),
        ("0 0 0 1 JAN *", "2026-02-23T00:00:00", "2027-01-01T00:00:00"),
        ("0 0 0 29 2 *", "2026-02-23T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 29 2 SUN", "2026-02-23T00:00:00", "2032-02-29T00:00:00"),
        ("0 0 9-17 * * *", "2026-02-23T17:00:00", "2026-02-24T09:00:00"),
        ("0 0 9-17/4 * * *", "2026-02-23T10:00:00", "2026-02-23T13:00:00"),
        ("0 10/20 * * * *", "2026-02-23T10:31:00", "2026-02-23T10:50:00"),
        ("0 1,31 * * * *", "2026-02-23T10:02:00", "2026-02-23T10:31:00"),
        ("* * * * * *", "2026-12-31T23:59:59.5", "2027-01-01T00:00:00"),
        ("*/15 * * * *", "2026-02-23T10:02:00", "2026-02-23T10:15:00"),
    ],
)
def test_the_next_time_is_the_first_match_after(expression, after, expected):
    assert parse_schedule(expression).next(moment(after)) == moment(expected)


def test_day_and_weekday_must_both_match():
    friday_the_13th = parse_schedule("0 0 0 13 * FRI")
    assert friday_the_13th.next(moment("2026-02-14T00:00:00")) == moment("2026-03-13T00:00:00")
    assert friday_the_13th.next(moment("2026-03-13T00:00:00")) == moment("2026-11-13T00:00:00")


@pytest.mark.parametrize(
    ("interval", "expected"),
    [("00:00:30", "2026-02-23T10:00:30"), ("1.02:00:00", "2026-02-24T12:00:00"), ("00:05", "2026-02-23T10:05:00")],
)
def test_an_interval_is_added(interval, expected):
    assert parse_schedule(interval).next(moment("2026-02-23T10:00:00")) == moment(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "* * * * * * *", "60 * * * * *", "* * * 0 * *", "* * * * * 7"),
        *("5-1 * * * * *", "*/0 * * * * *", "x * * * * *", "24:00:00", "00:00:00", "1:2:3:4"),
    ],
)
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(SettingsError):
        parse_schedule(text)


def test_a_date_that_never_comes_is_refused():
    with pytest.raises(SettingsError):
        parse_schedule("0 0 0 31 2 *").next(moment("2026-02-23T00:00:00"))


@pytest.mark.parametrize(
    ("text", "monitored"),
    [("0 * * * * *", True), ("*/30 * * * * *", False), ("00:01:00", True), ("00:00:59", False)],
)
def test_only_what_comes_at_most_once_a_minute_is_remembered(text, monitored):
    assert parse_schedule(text).monitored is monitored


@given(st.datetimes(max_value=datetime.fromisoformat("2100-01-01"), timezones=st.just(UTC)))
def test_every_second_is_the_next_whole_second(after):
    following = Cron.parse("* * * * * *").next(after)
    assert following.microsecond == 0
    assert 0 < (following - after).total_seconds() <= 1
