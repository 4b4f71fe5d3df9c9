"""When a timer is due: NCRONTAB expressions of six fields, and fixed intervals."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import product
from typing import Protocol

from localcloud.host.settings import SettingsError, timespan_seconds

_FIELDS = (
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 6),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = {name: number for number, name in enumerate(_MONTHS, start=1)} | dict(zip(_WEEKDAYS, range(7), strict=True))
_LONGEST_GAP_DAYS = 366 * 28  # 29 February on a given weekday comes back within 28 years
_MINUTE_SECONDS = 60


class Schedule(Protocol):
    """Tells the next time after a given one."""

    def next(self, after: datetime) -> datetime:
        """Return the first due time strictly after `after`."""

    @property
    def monitored(self) -> bool:
        """Whether the host remembers its runs by default: not for what comes more often than each minute."""


@dataclass(frozen=True)
class Every:
    """A fixed interval, from one due time to the next."""

    interval: timedelta

    def next(self, after: datetime) -> datetime:
        """Return the due time after `after`."""
        return after + self.interval

    @property
    def monitored(self) -> bool:
        """Whether the interval is a minute at least."""
        return self.interval.total_seconds() >= _MINUTE_SECONDS


@dataclass(frozen=True)
class Cron:
    """`{second} {minute} {hour} {day} {month} {day of week}`; unlike in cron, day and day of week must both match."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Read an expression of six fields, or of five without the seconds. Raises SettingsError."""
        fields = text.split()
        if len(fields) == len(_FIELDS) - 1:
            fields = ["0", *fields]
        if len(fields) != len(_FIELDS):
            raise SettingsError(f"not an NCRONTAB expression of six fields: {text!r}")
        parsed = [_field(part, *field) for part, field in zip(fields, _FIELDS, strict=True)]
        times, dates = parsed[:3], [frozenset(each) for each in parsed[3:]]
        return cls(times[0], times[1], times[2], dates[0], dates[1], dates[2])

    def next(self, after: datetime) -> datetime:
        """Return the first matching second after `after`, in its time zone. Raises SettingsError if none ever does."""
        start = after.replace(microsecond=0) + timedelta(seconds=1)
        for offset in range(_LONGEST_GAP_DAYS):
            day = start.date() + timedelta(days=offset)
            if day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays:
                earliest = start.time() if offset == 0 else time.min
                at = next(self._times(earliest), None)
                if at is not None:
                    return datetime.combine(day, at, tzinfo=after.tzinfo)
        raise SettingsError("the schedule never matches a date")

    @property
    def monitored(self) -> bool:
        """Whether it comes at most once a minute."""
        return len(self.seconds) == 1

    def _times(self, earliest: time) -> Iterator[time]:
        hours = [hour for hour in self.hours if hour >= earliest.hour]
        every = (time(*each) for each in product(hours, self.minutes, self.seconds))
        return (at for at in every if at >= earliest)


def parse_schedule(text: str) -> Schedule:
    """Read an NCRONTAB expression or a TimeSpan. Raises SettingsError."""
    if ":" not in text:
        return Cron.parse(text)
    seconds = timespan_seconds(text)
    if seconds <= 0:
        raise SettingsError("the interval of a timer must be above zero")
    return Every(timedelta(seconds=seconds))


def _field(text: str, name: str, low: int, high: int) -> tuple[int, ...]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            start, end = (low, high) if span == "*" else (_number(first), _number(last if dash else first))
            if slash and span != "*" and not dash:
                end = high  # 10/15 means from 10 on
            stride = int(step) if slash else 1
        except ValueError as error:
            raise SettingsError(f"bad {name} in a schedule: {part!r}") from error
        if not (low <= start <= end <= high and stride > 0):
            raise SettingsError(f"{name} out of range in a schedule: {part!r}")
        values.update(range(start, end + 1, stride))
    return tuple(sorted(values))


def _number(text: str) -> int:
    return _NAMES[text.lower()] if text.lower() in _NAMES else int(text)
