"""The scanner: cuts text into digits, fractions and number words."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

MAX_DIGITS = 1000
"""The longest number that is read or printed, in digits before and after the point together. (Python's own `int` gives
up at 4,300.)"""

CURRENCY = "$€£¥"
_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"

# Every alternative is greedy and nothing after it can fail, so scanning is linear in the length of the text.
_TOKEN = re.compile(
    rf"""
    # A word or a name, with the digits attached to it.
    (?P<word> [^\W0-9{_VULGAR}]\w* (?: (?<=[0-9]) [.,][0-9]+ )* )
    |
    (?P<sign> (?<![^\s(\[{{{CURRENCY}]) [-\u2212] [{CURRENCY}]? )?
    (?:
        (?P<digits> [0-9]+ (?:,[0-9]+)* (?:\.[0-9]+)? | (?<![\w.]) \.[0-9]+ )
        (?P<tail> [^\W{_VULGAR}]* )
        |
        (?P<vulgar> [{_VULGAR}] )
    )
    """,
    re.VERBOSE,
)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")

_ABBREVIATED = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}


Kind = Literal["unit", "teen", "tens", "hundred", "scale", "and", "digits", "fraction", "half", "parts"]
"""What a token can be in a number: a ``fraction`` is one character (`½`), ``parts`` are `quarter` and `thirds`."""


@dataclass(frozen=True, slots=True)
class Token:
    """Digits, or a word that can be part of a number, at characters `start` to `end`.

    `value` is that of the number it names, for parts (`thirds`: 3) too. `last` if no further word of the same number
    can follow.
    """

    kind: Kind
    value: Fraction
    start: int
    end: int
    last: bool


_UNITS = "zero one two three four five six seven eight nine"
_UNIT_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth"
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_MANY_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SCALES = "thousand million billion trillion"


def _vocabulary() -> dict[str, tuple[Kind, int, bool]]:
    """Word -> (kind, value, is it an ordinal)."""
    words: dict[str, tuple[Kind, int, bool]] = {
        "and": ("and", 0, False),
        "hundred": ("hundred", 100, False),
        "hundredth": ("hundred", 100, True),
    }
    words |= {word: ("unit", i, False) for i, word in enumerate(_UNITS.split())}
    words |= {word: ("unit", i, True) for i, word in enumerate(_UNIT_ORDINALS.split())}
    for i, word in enumerate(_TEENS.split(), 10):
        words[word] = ("teen", i, False)
        words["twelfth" if word == "twelve" else word + "th"] = ("teen", i, True)
    for i, word in enumerate(_MANY_TENS.split(), 2):
        words[word] = ("tens", 10 * i, False)
        words[word[:-1] + "ieth"] = ("tens", 10 * i, True)
    for i, word in enumerate(_SCALES.split(), 1):
        words[word] = ("scale", 1000**i, False)
        words[word + "th"] = ("scale", 1000**i, True)
    ordinals = [(word, value) for word, (_, value, ordinal) in words.items() if ordinal and 3 <= value <= 100]
    words |= {word + "s": ("parts", value, True) for word, value in ordinals}
    words |= {"half": ("half", 2, True), "quarter": ("parts", 4, True), "quarters": ("parts", 4, True)}
    return words


_WORDS = _vocabulary()


def scan(text: str) -> list[Token]:
    """The tokens of `text` that can be part of a number, in order."""
    tokens = []
    for match in _TOKEN.finditer(text):
        word = match["word"]
        if match["vulgar"]:
            tokens.append(Token("fraction", _vulgar(match[0]), match.start(), match.end(), last=False))
        elif word is None:
            found = [Token("digits", _value(text[a:b]), a, b, last=False) for a, b in _literals(match)]
            if len(found) == 1 and (scale := _abbreviated(match)):
                found = [Token("digits", found[0].value * scale, found[0].start, match.end(), last=True)]
            tokens += found
        elif entry := _WORDS.get(word.lower()):
            kind, value, ordinal = entry
            tokens.append(Token(kind, Fraction(value), match.start(), match.end(), ordinal))
    return tokens


def strip_separators(text: str) -> tuple[str, list[int]]:
    """`text` without the thousands commas in its numbers, and where each character came from.

    The offsets have one entry per character of the clean text, its offset in `text`, and a final `len(text)`.
    For i < j, `clean[i:j]` comes from `text[offsets[i] : offsets[j - 1] + 1]`. Never raises.
    """
    commas = set()
    for match in _TOKEN.finditer(text):
        if match["digits"] is not None:
            for start, end in _literals(match):
                commas.update(i for i in range(start, end) if text[i] == ",")
    offsets = [i for i in range(len(text)) if i not in commas]
    return "".join(text[i] for i in offsets), [*offsets, len(text)]


def _literals(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Start and end of each number in a match of digits: several if its commas split it. The first has the sign."""
    digits, start = match["digits"], match.start("digits")
    parts = [digits] if _GROUPED.fullmatch(digits) else digits.split(",")
    for i, part in enumerate(parts):
        if len(part) - part.count(",") - part.count(".") <= MAX_DIGITS:
            yield (match.start() if i == 0 else start), start + len(part)
        start += len(part) + 1


def _value(literal: str) -> Fraction:
    """The value of `[sign]digits`, of at most `MAX_DIGITS` digits."""
    whole, _, decimals = literal.lstrip(f"-\u2212{CURRENCY}").replace(",", "").partition(".")
    value = Fraction(int(whole + decimals), 10 ** len(decimals))
    return -value if literal[0] in "-\u2212" else value


def _vulgar(literal: str) -> Fraction:
    """The value of `[sign]½`."""
    value = Fraction(unicodedata.numeric(literal[-1])).limit_denominator(10)
    return -value if literal[0] in "-\u2212" else value


def _abbreviated(match: re.Match[str]) -> int | None:
    """The scale that `k`, `m` or `bn` means after an amount of money."""
    start = match.start("digits")
    return _ABBREVIATED.get(match["tail"].lower()) if match.string[start - 1 : start] in tuple(CURRENCY) else None
