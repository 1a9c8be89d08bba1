"""Dates and clock times in English text, as numbers that can be compared and subtracted.

A date is its year and the part of it that has passed: 1 January 1812 is 1812, and 2 July 1812 is 1812 + 183/366. So a
date can be compared with a year, and a difference is in years. `days_between` and `years_between` are exact, and the
calculator has them as the operations `days` and `years`. A clock time is its minutes after midnight.

- `24 August 1812`, `24th of August, 1812`, `August 24, 1812`, `Aug. 24th 1812`, `1812-08-24`, and `August 1812`, which
  is its first day.
- A day without a year, `on August 26`, is in the year that the text named last; before any year it is not a date.
- `3:30 p.m.`, `15:45`, `3 p.m.`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import isleap
from datetime import date
from fractions import Fraction
from typing import Any

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = rf"(?P<month>{'|'.join(f'{m}|{m[:3]}' for m in MONTHS)}|sept)\b\.?"
_DAY = r"(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[1-9][0-9]{3})"
_CLOCK = r"(?P<hour>[0-2]?[0-9])"
_HALF = r"(?P<half>[ap])\.?m\b\.?"
_PATTERNS = [
    re.compile(rf"(?<![\w.,/-]){pattern}(?![\w/-]|[.,:][0-9])", re.IGNORECASE)
    for pattern in (
        rf"{_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+{_YEAR})?",
        rf"{_MONTH}\s+{_DAY}(?:,?\s+{_YEAR})?",
        rf"{_MONTH},?\s+{_YEAR}",
        r"(?P<year>[1-9][0-9]{3})-(?P<number>[01][0-9])-(?P<day>[0-3][0-9])",
        rf"{_CLOCK}:(?P<minute>[0-5][0-9])(?:\s*{_HALF})?",
        rf"{_CLOCK}\s*{_HALF}",
    )
]
_BARE_YEAR = re.compile(r"(?<![\w.,$€£¥-])(?:1[0-9]{3}|20[0-9]{2})(?![\w%]|[.,][0-9])")


def scan_dates(text: str) -> list[tuple[Fraction, int, int, str]]:
    """The dates and times of a text in order, without overlap: value, first character, end, and `date` or `time`."""
    taken = bytearray(len(text))  # characters
    matches = []
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if not any(taken[match.start() : match.end()]):
                taken[match.start() : match.end()] = b"\1" * len(match[0])
                matches.append(match)
    years = list(_BARE_YEAR.finditer(text))
    places = [year.start() for year in years]
    found = []
    for match in sorted(matches, key=lambda m: m.start()):
        part = match.groupdict()
        kind = "time" if part.get("hour") else "date"
        before = bisect_left(places, match.start())
        value = _time(part) if kind == "time" else _date(part, int(years[before - 1][0]) if before else None)
        if value is not None:
            found.append((value, *match.span(), kind))
    return found


def date_value(day: date) -> Fraction:
    """Its year and the part of it that has passed."""
    passed = day.toordinal() - date(day.year, 1, 1).toordinal()
    return day.year + Fraction(passed, 366 if isleap(day.year) else 365)


def days_between(later: Any, earlier: Any) -> Fraction | None:
    """The days from one date to another; None if one of the numbers is no date."""
    a, b = _day(later), _day(earlier)
    return None if a is None or b is None else Fraction(a.toordinal() - b.toordinal())


def years_between(later: Any, earlier: Any) -> Fraction | None:
    """The whole years from one date to another; None if one of the numbers is no date."""
    a, b = _day(later), _day(earlier)
    if a is None or b is None:
        return None
    first, last = min(a, b), max(a, b)
    years = last.year - first.year - ((last.month, last.day) < (first.month, first.day))
    return Fraction(years if a >= b else -years)


def _day(value: Any) -> date | None:
    year = int(value // 1)
    if not 1 <= year <= 9999:
        return None
    passed = (value - year) * (366 if isleap(year) else 365)
    return date.fromordinal(date(year, 1, 1).toordinal() + int(passed)) if passed == int(passed) else None


def _date(part: dict[str, str | None], year_before: int | None) -> Fraction | None:
    name, number, year = part.get("month"), part.get("number"), part.get("year")
    month = int(number) if number else [m[:3] for m in MONTHS].index((name or "")[:3].lower()) + 1
    year = int(year) if year else year_before
    if year is None:
        return None
    try:
        return date_value(date(year, month, int(part.get("day") or 1)))
    except ValueError:  # no such day
        return None


def _time(part: dict[str, str | None]) -> Fraction | None:
    hour, minute, half = int(part["hour"] or 0), int(part.get("minute") or 0), (part.get("half") or "").lower()
    if hour > (12 if half else 23) or (half and not hour):
        return None
    return Fraction(60 * (hour % 12 + 12 * (half == "p") if half else hour) + minute)
