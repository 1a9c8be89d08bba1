"""Numbers in English text: their positions and exact values.

A scanner (one regular expression) cuts the text into digits and words; a small grammar joins number words. The rules:

- Digits with an optional decimal part, `5`, `3.5`, `.5`, and well-formed thousands groups, `5,903,204`. Commas that are
  not thousands separators split the number: `1,23` is 1 and 23, `12,3456` is 12 and 3456, `1,2,3` is 1, 2 and 3.
- A minus sign (`-` or U+2212) directly before the digits, at the start of the text or after white space, an opening
  bracket or a currency sign. `27-20` is 27 and 20, and so is `27 - 20`. In `-$12` the number is all of `-$12`.
- Anything attached after the digits is left out: `$12` and `20%` are 12 and 20, `1990s`, `3rd` and `5kg` are 1990, 3
  and 5, and `1e999` is 1 (there are no exponents). Letters are a scale only after a currency sign: `$3.5M`, `£2bn`.
- Digits after a letter, an underscore or a digit of another script belong to a name and are not a number: `F16`,
  `v1.5`.
- Number words, cardinal and ordinal, up to trillions and in any case: `twelve`, `twenty-five`, `two hundred and five`,
  `three million`, `third`. `a`, `minus`, `dozen` and plurals (`millions`, `thirds`) are not numbers. `one` is always 1
  and `second` always 2, whatever they mean.
- Digits with one scale word: `3.5 million` is one number, 3500000.
- Proper fractions, alone or after a whole number, with common denominators: `3/4`, `2 1/2`, `½`, `2½`. So `2015/16` and
  `24/7` are two numbers each and `1/2/2010` is three, but a date `4/7` is read as a fraction.
- Fractions in words, with a hyphen or before `of`: `two-thirds`, `one third of`, `half of`, `half a million`, and `two
  and a half`. `first half`, `eastern half`, `third quarter` and `half` alone are not fractions.

A number of more than `MAX_DIGITS` digits is ignored. Other dates, times, scores and ranges are read as the separate
numbers in them. All offsets count characters of a Python string.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from anzan.arithmetic.grammar import Grammar
from anzan.arithmetic.scanner import CURRENCY


@dataclass(frozen=True, slots=True)
class Number:
    """One number in a text: `text == source[start:end]`, in characters, and never empty."""

    value: Fraction
    text: str
    start: int
    end: int


def find_numbers(text: str) -> list[Number]:
    """The numbers in `text`, in order and without overlap. The module lists the rules.

    Takes any string, in time linear in its length. Never raises.

    >>> [str(number.value) for number in find_numbers("Twenty-five of 1,200 pens cost $3.5M, half of it tax.")]
    ['25', '1200', '3500000', '1/2']
    """
    return list(_numbers(text))


def _numbers(text: str) -> Iterator[Number]:
    grammar = Grammar(text)
    i = 0
    while i < len(grammar.tokens):
        number = grammar.number(i)
        if number is None:
            i += 1
            continue
        value, after = number
        start, end = grammar.tokens[i].start, grammar.tokens[after - 1].end
        yield Number(value, text[start:end], start, end)
        i = after


_PREFIX = re.compile(rf"(?P<sign>[-+\u2212])?\s*(?P<currency>[{CURRENCY}]?)\s*")
_SUFFIX = re.compile(rf"(?:\s*[%{CURRENCY}]|st|nd|rd|th)?\.?", re.IGNORECASE)
_RATIO = re.compile(r"([^/]+)/([^/]+)")


def parse_number(text: str) -> Fraction | None:
    """The value of a string that is one number and nothing else, otherwise None. Never raises.

    Also accepted: white space around it, a sign (also apart, `- 59`), a currency sign, `%` (`20%` is 20), an ordinal
    ending (`3rd`), a final period, a ratio of two whole numbers in digits (`1/2`, unless it divides by zero), and a
    fraction in words (`half`, `two thirds`).
    """
    text = text.strip()
    if ratio := _RATIO.fullmatch(text):
        top, bottom = (_parse_whole(part) for part in ratio.groups())
        if top is not None and bottom is not None:
            return top / bottom if bottom > 0 else None

    prefix = _PREFIX.match(text)
    assert prefix is not None  # it can match the empty string
    body = prefix["currency"] + text[prefix.end() :]  # after a currency sign `M` is a scale
    start = len(prefix["currency"])
    number = _alone(body, start)
    if number is None and (part := _alone(f"{body.removesuffix('.')} of", start, " of")):  # `half` needs an `of`
        number = part if part.text[0].isalpha() and part.value.denominator > 1 else None
    if number is None:
        return None
    if prefix["sign"] is None:
        return number.value
    if number.text[0] in "-\u2212":  # a second sign
        return None
    return number.value if prefix["sign"] == "+" else -number.value


def _alone(text: str, start: int, end: str = "") -> Number | None:
    """The only number in `text`, if it begins at `start` and only a suffix and `end` follow."""
    numbers = list(islice(_numbers(text), 2))  # a second one is enough to know
    if len(numbers) != 1 or numbers[0].start != start:
        return None
    rest = text[numbers[0].end : len(text) - len(end)] if end else text[numbers[0].end :]
    return numbers[0] if _SUFFIX.fullmatch(rest) else None


def _parse_whole(text: str) -> Fraction | None:
    """The value of a whole number in digits, with nothing attached but a sign and spaces."""
    if not re.fullmatch(r"\s*[-\u2212]?\s*[0-9,]+\s*", text):
        return None
    return parse_number(text)
