"""The grammar: joins tokens into numbers."""

import re
from fractions import Fraction

from anzan.arithmetic.scanner import Kind, scan

# What may separate two words of one number.
_GAP = re.compile(r"\s+|-")

# Fractions: the denominators that people write, in digits and in words, and their context.
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


class Grammar:
    """Reads the numbers in the tokens of a text.

    Each rule takes the position of a token and returns (value, next position), or None if it does not apply.

    A number ends early rather than swallow the beginning of the next one: `two hundred and three hundred` is 200 and
    300, `one thousand and two thousand` is 1000 and 2000.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = scan(text)

    def number(self, i: int) -> tuple[Fraction, int] | None:
        """`digits [scale]`, words or a fraction; None if no number begins with token i."""
        kind = self.tokens[i].kind
        if kind in ("and", "parts"):
            return None
        if kind == "half":
            return self.half(i)
        if fraction := self.parts(i):
            return fraction
        in_digits = kind in ("digits", "fraction")
        value, after = self.digits(i) if in_digits else self.words(i)
        if value > 0 and not self.tokens[after - 1].last and _AND_A_HALF.match(self.text, self.tokens[after - 1].end):
            value, after = value + Fraction(1, 2), after + 2
        elif not in_digits or self.tokens[after - 1].last:
            return value, after
        if after < len(self.tokens) and self._scales(after, _GAP):
            return value * self.tokens[after].value, after + 1
        return value, after

    def words(self, i: int) -> tuple[Fraction, int]:
        """`group scale [and] group scale ... group`, with falling scales."""
        if self.tokens[i].kind == "scale":
            value, smallest, i = self.tokens[i].value, self.tokens[i].value, i + 1
        else:
            value, i = self.below_thousand(i)
            if not self._next(i, "scale"):
                return value, i
            smallest = self.tokens[i].value
            value, i = value * smallest, i + 1
        while (rest := self._after_and(i, "unit", "teen", "tens")) is not None:
            group, after = self.below_thousand(rest)
            if not self._next(after, "scale"):
                return value + group, after
            scale = self.tokens[after].value
            if scale >= smallest:
                break
            value, smallest, i = value + group * scale, scale, after + 1
        return value, i

    def below_thousand(self, i: int) -> tuple[Fraction, int]:
        """`[small] hundred [and] [small]`, or `small`. Also `twelve hundred`."""
        if self.tokens[i].kind == "hundred":
            value, i = Fraction(100), i + 1
        else:
            value, i = self.below_hundred(i)
            if not self._next(i, "hundred"):
                return value, i
            value, i = value * 100, i + 1
        rest = self._after_and(i, "unit", "teen", "tens")
        if rest is not None:
            small, after = self.below_hundred(rest)
            if not self._next(after, "hundred"):
                return value + small, after
        return value, i

    def below_hundred(self, i: int) -> tuple[Fraction, int]:
        """`twelve`, `twenty`, `twenty-five`."""
        value = self.tokens[i].value
        if self.tokens[i].kind == "tens" and self._next(i + 1, "unit") and self.tokens[i + 1].value:
            return value + self.tokens[i + 1].value, i + 2
        return value, i + 1

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

    def fraction(self, i: int) -> tuple[Fraction, int] | None:
        """`3/4` or `½`."""
        if i < len(self.tokens) and self.tokens[i].kind == "fraction":
            return self.tokens[i].value, i + 1
        if i + 1 >= len(self.tokens) or not self.tokens[i].kind == self.tokens[i + 1].kind == "digits":
            return None
        top, bottom = self.tokens[i], self.tokens[i + 1]
        written = _SLASHED.fullmatch(self.text, top.start, bottom.end) is not None
        date = "/" in (self.text[top.start - 1 : top.start], self.text[bottom.end : bottom.end + 1])
        if written and not date and abs(top.value) < bottom.value and bottom.value in _DENOMINATORS:
            return top.value / bottom.value, i + 2
        return None

    def parts(self, i: int) -> tuple[Fraction, int] | None:
        """`two-thirds`, `one third of`."""
        whole = self.tokens[i]
        if whole.kind != "unit" or not self._next(i + 1, "unit", "teen", "tens", "parts", "half"):
            return None
        part = self.tokens[i + 1]
        smallest = 2 if part.kind == "half" else 3  # `one second` is not a half
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

    def _next(self, i: int, *kinds: Kind) -> bool:
        """Does token i continue the number of token i - 1, and is it of one of these kinds?"""
        if i >= len(self.tokens) or self.tokens[i].kind not in kinds or self.tokens[i - 1].last:
            return False
        return _GAP.fullmatch(self.text, self.tokens[i - 1].end, self.tokens[i].start) is not None

    def _after_and(self, i: int, *kinds: Kind) -> int | None:
        """The position of the next part of the number, past an `and` if there is one."""
        if self._next(i, "and"):
            i += 1
        return i if self._next(i, *kinds) else None

    def _scales(self, i: int, gap: re.Pattern[str]) -> bool:
        """Is token i a scale, with this gap before it?"""
        scale = self.tokens[i].kind in ("hundred", "scale") and not self.tokens[i].last
        return scale and gap.fullmatch(self.text, self.tokens[i - 1].end, self.tokens[i].start) is not None
