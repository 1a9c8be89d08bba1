"""Numbers in English text: where they stand and what they are worth, exactly.

A scanner (one regular expression) cuts the text into digits and words; a small grammar joins number words. What counts:

- digits with an optional decimal part, `5`, `3.5`, `.5`, and well-formed thousands groups, `5,903,204`. Commas that are
  not thousands separators split the number: `1,23` is 1 and 23, `12,3456` is 12 and 3456, `1,2,3` is 1, 2 and 3.
- a minus (`-` or U+2212) written against the digits, at the start of the text or after white space, an opening bracket
  or a currency sign. `27-20` is 27 and 20, `27 - 20` too. In `-$12` the number is the whole of `-$12`.
- what is attached after the digits is left out: `$12` and `20%` are worth 12 and 20, `1990s`, `3rd` and `5kg` are 1990,
  3 and 5, and `1e999` is 1 (there are no exponents). Only after a currency sign letters are a scale: `$3.5M`, `£2bn`.
- digits after a letter, an underscore or a digit of another script are part of a name and no number: `F16`, `v1.5`.
- number words, cardinal and ordinal, up to trillions and in any case: `twelve`, `twenty-five`, `two hundred and five`,
  `three million`, `third`. `a`, `minus` and `dozen` are no numbers, and neither are plurals (`millions`, `thirds`).
  `one` is always 1 and `second` always 2, whatever they mean.
- digits with one scale word: `3.5 million` is one number, 3500000.
- proper fractions, alone or after a whole number, with the denominators that people write: `3/4`, `2 1/2`, `½`, `2½`.
  So `2015/16` and `24/7` are two numbers each, and `1/2/2010` is three; a date `4/7` is taken for a fraction.
- fractions in words, with a hyphen or before `of`: `two-thirds`, `one third of`, `half of`, `half a million`, and `two
  and a half`. The `first half`, the `eastern half`, the `third quarter` and a lone `half` are none.

A number of more than `MAX_DIGITS` digits is not taken as a number. Other dates, times, scores and ranges are read as
the separate numbers in them. All offsets count characters of a Python string.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

MAX_DIGITS = 1000
"""The longest number that is read, in digits. (Python's own `int` gives up at 4,300.)"""


@dataclass(frozen=True, slots=True)
class Number:
    """One number in a text: `text == source[start:end]`, in characters, and never empty."""

    value: Fraction
    text: str
    start: int
    end: int


_CURRENCY = "$€£¥"
_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"

# Every alternative eats all it can and nothing after it can fail, so scanning is linear in the text.
_TOKEN = re.compile(
    rf"""
    # A word or a name, with the digits attached to it.
    (?P<word> [^\W0-9{_VULGAR}]\w* (?: (?<=[0-9]) [.,][0-9]+ )* )
    |
    (?P<sign> (?<![^\s(\[{{{_CURRENCY}]) [-\u2212] [{_CURRENCY}]? )?
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

# What joins two words of one number.
_GAP = re.compile(r"\s+|-")

_ABBREVIATED = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}

# Fractions: the denominators that people write, in digits and in words, and what stands around them.
_DENOMINATORS = {*range(2, 11), 12, 16, 20, 32, 64, 100}
_SLASHED = re.compile(r"[-\u2212]?[1-9][0-9]?[/\u2044][1-9][0-9]{0,2}")
_OF = re.compile(r"\s+of\b", re.IGNORECASE)
_HALF_OF = re.compile(r"\s+(?:of|a|an)\b", re.IGNORECASE)
_AND_A_HALF = re.compile(r"\s+and\s+a\s+half\b(?!-)", re.IGNORECASE)
_MAYBE_A = re.compile(r"(?:\s+|-)(?:a(?:\s+|-))?", re.IGNORECASE)
_PART_OF_SOMETHING = re.compile(
    r"(?:first|second|latter|last|final|opening|closing|other|better|early|later|front|back|rear|top|bottom|upper|lower"
    r"|left|right|north|south|east|west|northern|southern|eastern|western|[0-9](?:st|nd|rd|th))[\s-]+$",
    re.IGNORECASE,
)

_UNIT, _TEEN, _TENS, _HUNDRED, _SCALE, _AND, _DIGITS, _FRACTION, _HALF, _PARTS = range(10)


@dataclass(frozen=True, slots=True)
class _Token:
    """Digits, or a word that can be part of a number; `last` if no further word may follow it in its number.

    `value` is that of the number it names, for `_PARTS` (`thirds`) too.
    """

    kind: int
    value: Fraction
    start: int
    end: int
    last: bool


_UNITS = "zero one two three four five six seven eight nine"
_UNIT_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth"
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_MANY_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SCALES = "thousand million billion trillion"


def _vocabulary() -> dict[str, tuple[int, int, bool]]:
    """Word -> (kind, value, is it an ordinal)."""
    words = {"and": (_AND, 0, False), "hundred": (_HUNDRED, 100, False), "hundredth": (_HUNDRED, 100, True)}
    words |= {word: (_UNIT, i, False) for i, word in enumerate(_UNITS.split())}
    words |= {word: (_UNIT, i, True) for i, word in enumerate(_UNIT_ORDINALS.split())}
    for i, word in enumerate(_TEENS.split(), 10):
        words[word] = (_TEEN, i, False)
        words["twelfth" if word == "twelve" else word + "th"] = (_TEEN, i, True)
    for i, word in enumerate(_MANY_TENS.split(), 2):
        words[word] = (_TENS, 10 * i, False)
        words[word[:-1] + "ieth"] = (_TENS, 10 * i, True)
    for i, word in enumerate(_SCALES.split(), 1):
        words[word] = (_SCALE, 1000**i, False)
        words[word + "th"] = (_SCALE, 1000**i, True)
    ordinals = [(word, value) for word, (_, value, ordinal) in words.items() if ordinal and 3 <= value <= 100]
    words |= {word + "s": (_PARTS, value, True) for word, value in ordinals}
    words |= {"half": (_HALF, 2, True), "quarter": (_PARTS, 4, True), "quarters": (_PARTS, 4, True)}
    return words


_WORDS = _vocabulary()


def _literals(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Start and end of each number in a match of digits: several if its commas split it. The first has the sign."""
    digits, start = match["digits"], match.start("digits")
    parts = [digits] if _GROUPED.fullmatch(digits) else digits.split(",")
    for i, part in enumerate(parts):
        if len(part) - part.count(",") - part.count(".") <= MAX_DIGITS:
            yield (match.start() if i == 0 else start), start + len(part)
        start += len(part) + 1


def _value(literal: str) -> Fraction:
    """The value of `[sign]digits`; the bound on its digits has been checked."""
    whole, _, decimals = literal.lstrip(f"-\u2212{_CURRENCY}").replace(",", "").partition(".")
    value = Fraction(int(whole + decimals), 10 ** len(decimals))
    return -value if literal[0] in "-\u2212" else value


def _vulgar(literal: str) -> Fraction:
    """The value of `[sign]½`."""
    value = Fraction(unicodedata.numeric(literal[-1])).limit_denominator(10)
    return -value if literal[0] in "-\u2212" else value


def _abbreviated(match: re.Match[str]) -> int | None:
    """The scale that `k`, `m` or `bn` after an amount of money stands for."""
    start = match.start("digits")
    return _ABBREVIATED.get(match["tail"].lower()) if match.string[start - 1 : start] in tuple(_CURRENCY) else None


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        word = match["word"]
        if match["vulgar"]:
            tokens.append(_Token(_FRACTION, _vulgar(match[0]), match.start(), match.end(), last=False))
        elif word is None:
            found = [_Token(_DIGITS, _value(text[a:b]), a, b, last=False) for a, b in _literals(match)]
            if len(found) == 1 and (scale := _abbreviated(match)):
                found = [_Token(_DIGITS, found[0].value * scale, found[0].start, match.end(), last=True)]
            tokens += found
        elif entry := _WORDS.get(word.lower()):
            kind, value, ordinal = entry
            tokens.append(_Token(kind, Fraction(value), match.start(), match.end(), ordinal))
    return tokens


class _Grammar:
    """Joins tokens into numbers. Each rule takes the position of a token and returns (value, next position).

    A number ends early rather than swallow the beginning of the next one: `two hundred and three hundred` is 200 and
    300, `one thousand and two thousand` is 1000 and 2000.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)

    def _next(self, i: int, *kinds: int) -> bool:
        """Does token i go on with the number that token i - 1 belongs to, and is it of one of these kinds?"""
        if i >= len(self.tokens) or self.tokens[i].kind not in kinds or self.tokens[i - 1].last:
            return False
        return _GAP.fullmatch(self.text, self.tokens[i - 1].end, self.tokens[i].start) is not None

    def _after_and(self, i: int, *kinds: int) -> int | None:
        """The position of the next part of the number, past an `and` if there is one."""
        if self._next(i, _AND):
            i += 1
        return i if self._next(i, *kinds) else None

    def below_hundred(self, i: int) -> tuple[Fraction, int]:
        value = self.tokens[i].value
        if self.tokens[i].kind == _TENS and self._next(i + 1, _UNIT) and self.tokens[i + 1].value:
            return value + self.tokens[i + 1].value, i + 2
        return value, i + 1

    def below_thousand(self, i: int) -> tuple[Fraction, int]:
        """`[small] hundred [and] [small]`, or `small`. Also `twelve hundred`."""
        if self.tokens[i].kind == _HUNDRED:
            value, i = Fraction(100), i + 1
        else:
            value, i = self.below_hundred(i)
            if not self._next(i, _HUNDRED):
                return value, i
            value, i = value * 100, i + 1
        rest = self._after_and(i, _UNIT, _TEEN, _TENS)
        if rest is not None:
            small, after = self.below_hundred(rest)
            if not self._next(after, _HUNDRED):
                return value + small, after
        return value, i

    def words(self, i: int) -> tuple[Fraction, int]:
        """`group scale [and] group scale ... group`, with falling scales."""
        if self.tokens[i].kind == _SCALE:
            value, smallest, i = self.tokens[i].value, self.tokens[i].value, i + 1
        else:
            value, i = self.below_thousand(i)
            if not self._next(i, _SCALE):
                return value, i
            smallest = self.tokens[i].value
            value, i = value * smallest, i + 1
        while (rest := self._after_and(i, _UNIT, _TEEN, _TENS)) is not None:
            group, after = self.below_thousand(rest)
            if not self._next(after, _SCALE):
                return value + group, after
            scale = self.tokens[after].value
            if scale >= smallest:
                break
            value, smallest, i = value + group * scale, scale, after + 1
        return value, i

    def fraction(self, i: int) -> tuple[Fraction, int] | None:
        """`3/4` or `½`."""
        if i < len(self.tokens) and self.tokens[i].kind == _FRACTION:
            return self.tokens[i].value, i + 1
        if i + 1 >= len(self.tokens) or not self.tokens[i].kind == self.tokens[i + 1].kind == _DIGITS:
            return None
        top, bottom = self.tokens[i], self.tokens[i + 1]
        written = _SLASHED.fullmatch(self.text, top.start, bottom.end) is not None
        date = "/" in (self.text[top.start - 1 : top.start], self.text[bottom.end : bottom.end + 1])
        if written and not date and abs(top.value) < bottom.value and bottom.value in _DENOMINATORS:
            return top.value / bottom.value, i + 2
        return None

    def digits(self, i: int) -> tuple[Fraction, int]:
        """Digits, a fraction, or both."""
        if fraction := self.fraction(i):
            return fraction
        whole = self.tokens[i]
        small = not whole.last and whole.value.denominator == 1 and abs(whole.value) < 1000  # `in 2010 1/2 of them`
        fraction = self.fraction(i + 1) if small else None
        if fraction and fraction[0] > 0 and self.text[whole.end : self.tokens[i + 1].start] in ("", " "):
            return (whole.value + fraction[0] if whole.value >= 0 else whole.value - fraction[0]), fraction[1]
        return whole.value, i + 1

    def parts(self, i: int) -> tuple[Fraction, int] | None:
        """`two-thirds`, `one third of`."""
        whole = self.tokens[i]
        if whole.kind != _UNIT or not self._next(i + 1, _UNIT, _TEEN, _TENS, _PARTS, _HALF):
            return None
        part = self.tokens[i + 1]
        smallest = 2 if part.kind == _HALF else 3  # `one second` is no half
        hyphen = self.text[whole.end : part.start] == "-" != self.text[part.end : part.end + 1]
        proper = part.last and part.value >= smallest and 0 < whole.value < part.value
        return (whole.value / part.value, i + 2) if proper and (hyphen or _OF.match(self.text, part.end)) else None

    def half(self, i: int) -> tuple[Fraction, int] | None:
        """`half of`, `half a`, and with a scale `half a million`."""
        half = self.tokens[i]
        if _PART_OF_SOMETHING.search(self.text, max(0, half.start - 12), half.start):
            return None
        if i + 1 < len(self.tokens) and self._scales(i + 1, _MAYBE_A):
            return self.tokens[i + 1].value / 2, i + 2
        return (Fraction(1, 2), i + 1) if _HALF_OF.match(self.text, half.end) else None

    def number(self, i: int) -> tuple[Fraction, int] | None:
        """`digits [scale]`, words or a fraction; None where no number begins with token i."""
        kind = self.tokens[i].kind
        if kind in (_AND, _PARTS):
            return None
        if kind == _HALF:
            return self.half(i)
        if fraction := self.parts(i):
            return fraction
        value, after = self.digits(i) if kind in (_DIGITS, _FRACTION) else self.words(i)
        if value > 0 and not self.tokens[after - 1].last and _AND_A_HALF.match(self.text, self.tokens[after - 1].end):
            value, after = value + Fraction(1, 2), after + 2
        elif kind not in (_DIGITS, _FRACTION) or self.tokens[after - 1].last:
            return value, after
        if after < len(self.tokens) and self._scales(after, _GAP):
            return value * self.tokens[after].value, after + 1
        return value, after

    def _scales(self, i: int, gap: re.Pattern[str]) -> bool:
        """Is token i a scale, with this gap before it?"""
        scale = self.tokens[i].kind in (_HUNDRED, _SCALE) and not self.tokens[i].last
        return scale and gap.fullmatch(self.text, self.tokens[i - 1].end, self.tokens[i].start) is not None


def find_numbers(text: str) -> list[Number]:
    """The numbers in `text`, in order, none overlapping another. See the module for what counts as a number.

    Any string will do, and the time is linear in its length. Nothing is raised.
    """
    grammar = _Grammar(text)
    found = []
    i = 0
    while i < len(grammar.tokens):
        number = grammar.number(i)
        if number is None:
            i += 1
            continue
        value, after = number
        start, end = grammar.tokens[i].start, grammar.tokens[after - 1].end
        found.append(Number(value, text[start:end], start, end))
        i = after
    return found


_PREFIX = re.compile(rf"(?P<sign>[-+\u2212])?\s*(?P<currency>[{_CURRENCY}]?)\s*")
_SUFFIX = re.compile(rf"(?:\s*[%{_CURRENCY}]|st|nd|rd|th)?\.?", re.IGNORECASE)
_RATIO = re.compile(r"([^/]+)/([^/]+)")


def parse_number(text: str) -> Fraction | None:
    """The value of a string that is one number and nothing else, else None. Nothing is raised.

    White space around it, a sign (also apart, `- 59`), a currency sign, `%` (`20%` is 20), an ordinal ending (`3rd`)
    and a final period are allowed; so is a ratio of two whole numbers in digits, `1/2`, unless it divides by zero, and
    a fraction in words, `half`, `two thirds`.
    """
    text = text.strip()
    if ratio := _RATIO.fullmatch(text):
        top, bottom = (_parse_whole(part) for part in ratio.groups())
        if top is not None and bottom is not None:
            return top / bottom if bottom > 0 else None

    prefix = _PREFIX.match(text)
    assert prefix is not None  # it can match nothing at all
    body = prefix["currency"] + text[prefix.end() :]  # after a currency sign `M` is a scale
    start = len(prefix["currency"])
    number = _alone(body, start)
    if number is None and (part := _alone(f"{body.removesuffix('.')} of", start, " of")):  # `half` alone is no number
        number = part if part.text[0].isalpha() and part.value.denominator > 1 else None
    if number is None:
        return None
    if prefix["sign"] is None:
        return number.value
    if number.text[0] in "-\u2212":  # a second sign
        return None
    return number.value if prefix["sign"] == "+" else -number.value


def _alone(text: str, start: int, end: str = "") -> Number | None:
    """The number that begins at `start`, if nothing but a suffix and this end follow and it is the only one."""
    numbers = find_numbers(text)
    if len(numbers) != 1 or numbers[0].start != start:
        return None
    rest = text[numbers[0].end : len(text) - len(end)] if end else text[numbers[0].end :]
    return numbers[0] if _SUFFIX.fullmatch(rest) else None


def _parse_whole(text: str) -> Fraction | None:
    """The value of a whole number in digits, with nothing attached but a sign and spaces."""
    if not re.fullmatch(r"\s*[-\u2212]?\s*[0-9,]+\s*", text):
        return None
    return parse_number(text)


def strip_separators(text: str) -> tuple[str, list[int]]:
    """`text` without the thousands commas in its numbers, and the way back.

    The list has, for every character of the clean text, its offset in `text`, and `len(text)` as one final entry:
    `clean[i:j]` is what `text[offsets[i] : offsets[j - 1] + 1]` says, for i < j. Nothing is raised.
    """
    commas = set()
    for match in _TOKEN.finditer(text):
        if match["digits"] is not None:
            for start, end in _literals(match):
                commas.update(i for i in range(start, end) if text[i] == ",")
    offsets = [i for i in range(len(text)) if i not in commas]
    return "".join(text[i] for i in offsets), [*offsets, len(text)]
