"""The kind of a number, as its spelling and what is attached to it tell."""

import re
from fractions import Fraction

from anzan.arithmetic.scanner import CURRENCY

KINDS = ("plain", "year", "percent", "money", "ordinal", "fraction")
"""All kinds."""

_YEAR = re.compile(r"1[0-9]\d\d|20\d\d", re.ASCII)
_PERCENT = re.compile(r"\s*%|\s*per\s?cent\b|\s+percentage\b", re.IGNORECASE)
_MONEY_BEFORE = re.compile(rf"[{CURRENCY}]\s*$")
_MONEY_AFTER = re.compile(rf"\s*[{CURRENCY}]|\s+(?:dollars?|cents?|euros?|pounds?|yen)\b", re.IGNORECASE)
_ORDINAL_AFTER = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_ORDINAL = re.compile(r"(?:first|second|third|th|eth)$", re.IGNORECASE)
_LOOK = 16


def number_kind(source: str, start: int, end: int, value: Fraction) -> str:
    """The kind, one of `KINDS`, of the number at characters `start` to `end` of `source`.

    A year is any whole number from 1000 to 2099 in four digits; nothing else is known of it.

    >>> number_kind("20% of them", 0, 2, Fraction(20))
    'percent'
    """
    text, after = source[start:end], source[end : end + _LOOK]
    if _PERCENT.match(after):
        return "percent"
    if text[:1] in CURRENCY or _MONEY_BEFORE.search(source[max(0, start - 2) : start]) or _MONEY_AFTER.match(after):
        return "money"
    digits = text[-1:].isdigit()
    if (digits and _ORDINAL_AFTER.match(after)) or (not digits and _ORDINAL.search(text)):
        return "ordinal"
    if value.denominator > 1 and "." not in text:
        return "fraction"
    return "year" if _YEAR.fullmatch(text) else "plain"
