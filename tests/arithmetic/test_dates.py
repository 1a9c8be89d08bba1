"""Dates and times, against Python's own calendar."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anzan.arithmetic import Calculator, find_implied
from anzan.arithmetic.dates import MONTHS, date_value, days_between, years_between

DAYS = st.dates(min_value=date(1000, 1, 1), max_value=date(9999, 12, 31))


def written(day: date, form: int) -> str:
    month = MONTHS[day.month - 1].capitalize()
    return [
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{month[:3]}. {day.day}th {day.year}",
        f"{day.day}th of {month}, {day.year}",
        day.isoformat(),
    ][form]


@given(DAYS, st.integers(0, 4))
def test_every_form_of_a_date_is_found_with_its_value(day: date, form: int) -> None:
    text = f"It was on {written(day, form)}, when all ended."
    [found] = find_implied(text)
    assert (found.text, found.kind, found.value) == (written(day, form), "date", date_value(day))
    assert text[found.start : found.end] == found.text


@given(DAYS, DAYS)
def test_differences_are_those_of_the_calendar(a: date, b: date) -> None:
    x, y = date_value(a), date_value(b)
    assert days_between(x, y) == (a - b) / timedelta(days=1)
    assert (x > y) == (a > b) and (x == y) == (a == b)
    years = years_between(x, y)
    assert years is not None and years == -(years_between(y, x) or 0)
    if a >= b and (b.month, b.day) != (2, 29):
        last = b.replace(year=b.year + int(years))
        assert last <= a and (a.year == 9999 or b.replace(year=b.year + int(years) + 1) > a)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("In 1812 all began: on August 26 it rained.", [date_value(date(1812, 8, 26))]),
        ("On August 26 it rained.", []),
        ("June 1900 and 30 February 1900", [date_value(date(1900, 6, 1))]),
        ("at 3:30 p.m.", [930]),
        ("at 12 a.m. or 15:45", [0, 945]),
        ("12:15 am", [15]),
        ("at 13 pm, 25:10, a ratio of 2:1", []),
        ("He may 24 times march 3 miles", []),
        ("in May 2003, Mayor 2004", [date_value(date(2003, 5, 1))]),
        ("1812-08-240, 11812-08-24, 2012-13-01", []),
    ],
)
def test_what_is_a_date_or_a_time(text: str, values: list[Fraction]) -> None:
    assert [n.value for n in find_implied(text) if n.kind in ("date", "time")] == values


def test_the_calculator_has_days_and_years() -> None:
    a, b = date_value(date(1861, 3, 4)), date_value(date(1857, 3, 5))
    line = Calculator(("days", "years"))(a, b)
    assert [(f.value, f.operation) for f in line.fields if f.operation] == [
        (1460, "days"), (-1460, "days"), (3, "years"), (-3, "years")
    ]  # fmt: skip
    assert days_between(Fraction(18123, 10), 1812) is None and years_between(-5, 1812) is None
