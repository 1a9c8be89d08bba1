"""Numbers in text, against cases read by hand, a speller of number words, and properties that hold for any string."""

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anzan.arithmetic import MAX_DIGITS, find_numbers, parse_number, strip_separators

# Text -> the numbers in it, as (what is written, its value).
CASES: list[tuple[str, list[tuple[str, str]]]] = [
    ("", []),
    ("no digits here", []),
    # Digits, decimals, groups
    ("5,903,204", [("5,903,204", "5903204")]),
    ("1,234.50 and 0.5", [("1,234.50", "2469/2"), ("0.5", "1/2")]),
    ("3.5", [("3.5", "7/2")]),
    (".5", [(".5", "1/2")]),
    ("he has 5.", [("5", "5")]),
    ("he has 5,", [("5", "5")]),
    ("Stop.5 more", [("5", "5")]),
    ("007", [("007", "7")]),
    ("1,23", [("1", "1"), ("23", "23")]),
    ("12,3456", [("12", "12"), ("3456", "3456")]),
    ("1,2,3", [("1", "1"), ("2", "2"), ("3", "3")]),
    ("1,234,56", [("1", "1"), ("234", "234"), ("56", "56")]),
    ("1990,200", [("1990", "1990"), ("200", "200")]),
    ("0,123", [("0", "0"), ("123", "123")]),
    ("1,23.5", [("1", "1"), ("23.5", "47/2")]),
    ("1, 200", [("1", "1"), ("200", "200")]),
    ("1.2.3", [("1.2", "6/5"), ("3", "3")]),
    ("3:45", [("3", "3"), ("45", "45")]),
    # Signs
    ("-59", [("-59", "-59")]),
    ("\u221259", [("\u221259", "-59")]),
    ("at -5.5 (-3) [-2] -.5", [("-5.5", "-11/2"), ("-3", "-3"), ("-2", "-2"), ("-.5", "-1/2")]),
    ("27-20", [("27", "27"), ("20", "20")]),
    ("27\u221220", [("27", "27"), ("20", "20")]),
    ("27 - 20", [("27", "27"), ("20", "20")]),
    ("27 -20", [("27", "27"), ("-20", "-20")]),
    ("--5", [("5", "5")]),
    ("-1,23", [("-1", "-1"), ("23", "23")]),
    ("1990\u20131995", [("1990", "1990"), ("1995", "1995")]),
    # Attached signs and letters
    ("$12", [("12", "12")]),
    ("$-12 and -$12", [("-12", "-12"), ("-$12", "-12")]),
    ("US$1,200", [("1,200", "1200")]),
    ("20%", [("20", "20")]),
    ("the 1990s", [("1990", "1990")]),
    ("3rd and 21st", [("3", "3"), ("21", "21")]),
    ("5kg", [("5", "5")]),
    ("a 10-year-old", [("10", "10")]),
    ("F16 B2B x2 v1.5 B1,234 _7_", []),
    ("1e999", [("1", "1")]),
    ("0x1F", [("0", "0")]),
    # Other scripts
    ("\u0663 and 5\u0663 and \u06635 and \u0d70", [("5", "5")]),
    # Words
    ("twelve", [("twelve", "12")]),
    ("Twelve THIRTEEN", [("Twelve", "12"), ("THIRTEEN", "13")]),
    ("twenty-five twenty five", [("twenty-five", "25"), ("twenty five", "25")]),
    ("two hundred and five", [("two hundred and five", "205")]),
    ("three million", [("three million", "3000000")]),
    ("a hundred", [("hundred", "100")]),
    ("hundred thousand", [("hundred thousand", "100000")]),
    ("twelve hundred", [("twelve hundred", "1200")]),
    ("one million two hundred thousand and five", [("one million two hundred thousand and five", "1200005")]),
    ("someone, none, often, tone, ones", []),
    ("no one", [("one", "1")]),
    ("zero", [("zero", "0")]),
    ("twenty zero", [("twenty", "20"), ("zero", "0")]),
    ("five and six", [("five", "5"), ("six", "6")]),
    ("one, two", [("one", "1"), ("two", "2")]),
    ("five twenty", [("five", "5"), ("twenty", "20")]),
    ("twenty, five", [("twenty", "20"), ("five", "5")]),
    ("between two hundred and three hundred", [("two hundred", "200"), ("three hundred", "300")]),
    ("one thousand and two thousand", [("one thousand", "1000"), ("two thousand", "2000")]),
    ("two hundred and then five", [("two hundred", "200"), ("five", "5")]),
    ("twenty_five 5one", [("5", "5")]),
    ("fifty-two-yard run", [("fifty-two", "52")]),
    # Ordinals
    ("third", [("third", "3")]),
    ("twenty-first", [("twenty-first", "21")]),
    ("one hundred and twelfth", [("one hundred and twelfth", "112")]),
    ("two thousandth", [("two thousandth", "2000")]),
    ("first hundred", [("first", "1"), ("hundred", "100")]),
    (
        "one third, two thirds",
        [("one", "1"), ("third", "3"), ("two", "2")],
    ),  # `of` or a hyphen would make them fractions
    # Fractions
    ("1/2", [("1/2", "1/2")]),
    ("-3/4 and 99/100, 1\u20442", [("-3/4", "-3/4"), ("99/100", "99/100"), ("1\u20442", "1/2")]),
    ("2 1/2 cups, -2 1/2, 3 3/4 million", [("2 1/2", "5/2"), ("-2 1/2", "-5/2"), ("3 3/4 million", "3750000")]),
    (
        "\u00bd of 2\u00bd or 2 \u00bd, -\u2153",
        [("\u00bd", "1/2"), ("2\u00bd", "5/2"), ("2 \u00bd", "5/2"), ("-\u2153", "-1/3")],
    ),
    ("2,  1/2", [("2", "2"), ("1/2", "1/2")]),
    ("2.5 1/2", [("2.5", "5/2"), ("1/2", "1/2")]),
    ("2015/16, 24/7, 9/11", [(n, n) for n in ("2015", "16", "24", "7", "9", "11")]),
    ("1/2/2010", [("1", "1"), ("2", "2"), ("2010", "2010")]),
    ("01/2 1/02 0/2 1.5/2 1 / 2", [(n, n) for n in ("01", "2", "1", "02", "0", "2", "1.5", "2", "1", "2")]),
    ("a\u00bd", []),
    ("two-thirds", [("two-thirds", "2/3")]),
    ("one third of two", [("one third", "1/3"), ("two", "2")]),
    ("Three quarters of it, one-half", [("Three quarters", "3/4"), ("one-half", "1/2")]),
    ("nine-tenths, one-twentieth", [("nine-tenths", "9/10"), ("one-twentieth", "1/20")]),
    (
        "one-second, one second of, four quarters of",
        [("one", "1"), ("second", "2"), ("one", "1"), ("second", "2"), ("four", "4")],
    ),
    ("one third-quarter goal, two-third-down", [("one", "1"), ("third", "3"), ("two", "2"), ("third", "3")]),
    ("the third quarter of, thirds, quarters", [("third", "3")]),
    ("half of them, half a pie", [("half", "1/2"), ("half", "1/2")]),
    ("half a million, a half million", [("half a million", "500000"), ("half million", "500000")]),
    ("half, the half, half-time, a half", []),
    ("a half-million, half-a-million", [("half-million", "500000"), ("half-a-million", "500000")]),
    ("the eastern half of it, top half of, latter half of", []),
    ("in 2010 1/2 of them, 999 1/2", [("2010", "2010"), ("1/2", "1/2"), ("999 1/2", "1999/2")]),
    ("the first half of it, the 2nd half a", [("first", "1"), ("2", "2")]),
    ("two and a half, 3 and a half million", [("two and a half", "5/2"), ("3 and a half million", "3500000")]),
    ("two and a half-back, -2 and a half", [("two", "2"), ("-2", "-2")]),
    # Money
    (
        "$3.5M, \u00a35k, US$2bn, -$1m, $4B.",
        [("3.5M", "3500000"), ("5k", "5000"), ("2bn", "2000000000"), ("-$1m", "-1000000"), ("4B", "4000000000")],
    ),
    ("3.5M, $5 m, $5kg, $1,2k", [("3.5", "7/2"), ("5", "5"), ("5", "5"), ("1", "1"), ("2", "2")]),
    ("$5k million", [("5k", "5000"), ("million", "1000000")]),
    # Digits with a scale
    ("3.5 million", [("3.5 million", "3500000")]),
    ("$2.1 billion, -3 thousand", [("2.1 billion", "2100000000"), ("-3 thousand", "-3000")]),
    ("5 hundred", [("5 hundred", "500")]),
    ("3rd million", [("3", "3"), ("million", "1000000")]),
    ("20% million", [("20", "20"), ("million", "1000000")]),
    ("5 millions", [("5", "5")]),
    ("5 millionth", [("5", "5"), ("millionth", "1000000")]),
    # Strings that no one means to send
    ("\x00" + "5\x006", [("5", "5"), ("6", "6")]),
    ("\ud8005 \udfff 6", [("5", "5"), ("6", "6")]),
    ("\U0001f600 7 \U0001f600 8", [("7", "7"), ("8", "8")]),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_find_numbers_by_hand(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(n.text, n.value) for n in find_numbers(text)] == [(t, Fraction(v)) for t, v in expected]


def test_offsets_count_characters_of_the_users_string() -> None:
    text = "\U0001f600 He paid $5,903 (or 20%) in the 1990s, -3.5 million."
    assert [(n.start, n.end, n.text) for n in find_numbers(text)] == [
        (11, 16, "5,903"),
        (21, 23, "20"),
        (33, 37, "1990"),
        (40, 52, "-3.5 million"),
    ]


PARSED = {
    "5,903,204": "5903204",
    "-59": "-59",
    "- 59": "-59",
    "\u221259": "-59",
    "+5": "5",
    " 12\n": "12",
    "$12": "12",
    "$ 12": "12",
    "-$12": "-12",
    "$-12": "-12",
    "- $12": "-12",
    "12\u20ac": "12",
    "20%": "20",
    "20 %": "20",
    "504.0": "504",
    "504.": "504",
    ".5": "1/2",
    "-.5": "-1/2",
    "- 3.5 million": "-3500000",
    "twelve": "12",
    "Two hundred and five.": "205",
    "third": "3",
    "3rd": "3",
    "1/2": "1/2",
    "-1 / 2": "-1/2",
    "1,000/3": "1000/3",
    "2 1/2": "5/2",
    "-\u00bd": "-1/2",
    "$3.5M": "3500000",
    "-$2bn": "-2000000000",
    "- $ 5k": "-5000",
    "half": "1/2",
    "Two thirds.": "2/3",
    "half a million": "500000",
    "one-third": "1/3",
}


@pytest.mark.parametrize(("text", "value"), PARSED.items())
def test_parse_number(text: str, value: str) -> None:
    assert parse_number(text) == Fraction(value)


REFUSED = ["", " ", "-", "$", "%", ".", "12 apples", "about 12", "1,23", "12 13", "27-20", "--5", "- -5", "+-5", "5.."]
REFUSED += [
    "3.5M",
    "half of",
    "one third of it",
    "half 2",
    "of",
    "$of",
    "1/0",
    "1/-2",
    "1/2/3",
    "1.5/2",
    "1/2 3",
    "a/b",
    "1990s",
    "5kg",
    "F16",
    "1e5",
    "0x10",
    "\u0663",
    "\ud800",
    "nan",
]


@pytest.mark.parametrize("text", REFUSED)
def test_parse_number_refuses(text: str) -> None:
    assert parse_number(text) is None


SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety"
SIZES = {10**12: "trillion", 10**9: "billion", 10**6: "million", 1000: "thousand", 100: "hundred"}


def spell(n: int, conjunction: bool) -> str:
    """`n` < 10**15 in English, written by another method than it is read: largest part first, recursively."""
    if n < 20:
        return SMALL.split()[n]
    if n < 100:
        return TENS.split()[n // 10] + (f"-{spell(n % 10, conjunction)}" if n % 10 else "")
    for size, name in SIZES.items():
        if n >= size:
            head, rest = spell(n // size, conjunction), n % size
            join = " and " if conjunction and rest < 100 else " "
            return f"{head} {name}" + (join + spell(rest, conjunction) if rest else "")
    raise AssertionError


@settings(deadline=None)
@given(st.integers(0, 10**4) | st.integers(0, 10**15 - 1), st.booleans(), st.sampled_from([str, str.upper, str.title]))
def test_spelled_numbers(n: int, conjunction: bool, case) -> None:
    words = case(spell(n, conjunction))
    (number,) = find_numbers(f"There are {words} apples")
    assert (number.value, number.text) == (n, words)
    assert parse_number(words) == n


@settings(deadline=None)
@given(st.integers(-(10**30), 10**30), st.integers(0, 12))
def test_printed_decimals(n: int, places: int) -> None:
    value = Fraction(n, 10**places)
    whole, decimals = divmod(abs(n), 10**places)
    text = f"{'-' if n < 0 else ''}{whole:,}" + (f".{decimals:0{places}}" if places else "")
    assert parse_number(text) == value
    assert [(m.value, m.text) for m in find_numbers(f"It is {text}, they say.")] == [(value, text)]


# Arbitrary strings, surrogates and all, and strings in which numbers are likely.
anything = st.text(st.characters(), max_size=200)
pieces = [*"0123456789,.-\u2212$% /(s_F\u0663\u00bd\ud800\x00\n", "123", ",456", "1990", "rd", " ", "-"]
pieces += [
    " and ",
    " of ",
    " a ",
    "half",
    "thirds",
    "\u00bd",
    "$",
    "k",
    " hundred",
    "twenty",
    "five",
    "third",
    " thousand ",
    "million",
]
numberish = st.lists(st.sampled_from(pieces), max_size=30).map("".join)


@settings(deadline=None)
@given(anything | numberish)
def test_any_string(text: str) -> None:
    numbers = find_numbers(text)
    end = 0
    for number in numbers:
        assert end <= number.start < number.end <= len(text)
        assert number.text == text[number.start : number.end]
        end = number.end
    parsed = parse_number(text)
    if [number.text for number in numbers] == [text.strip()]:
        assert parsed == numbers[0].value


@settings(deadline=None)
@given(anything | numberish)
def test_strip_separators_of_any_string(text: str) -> None:
    clean, offsets = strip_separators(text)
    assert len(offsets) == len(clean) + 1 and offsets[-1] == len(text)
    assert offsets == sorted(set(offsets))
    assert [text[i] for i in offsets[:-1]] == list(clean)
    assert all(text[i] == "," for i in set(range(len(text))) - set(offsets))
    # Both have the same numbers, at corresponding positions.
    numbers = find_numbers(text)
    assert [n.value for n in find_numbers(clean)] == [n.value for n in numbers]
    for a, b in zip(find_numbers(clean), numbers, strict=True):
        assert (offsets[a.start], offsets[a.end - 1] + 1) == (b.start, b.end)
        assert a.text == b.text.replace(",", "")


def test_strip_separators_by_hand() -> None:
    assert strip_separators("5,903,204") == ("5903204", [0, 2, 3, 4, 6, 7, 8, 9])
    assert strip_separators("a, 1,23 B1,234")[0] == "a, 1,23 B1,234"
    assert strip_separators("1,000, 2,000.5") == ("1000, 2000.5", [0, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14])
    assert strip_separators("") == ("", [0])


def test_the_bound_on_digits() -> None:
    longest = "9" * MAX_DIGITS
    assert parse_number(longest) == 10**MAX_DIGITS - 1
    assert parse_number("0." + "1" * (MAX_DIGITS - 1)) is not None
    for too_long in ("9" * (MAX_DIGITS + 1), "0." + "1" * MAX_DIGITS, "-" + "9" * 10**5, "1" + ",000" * 10**4):
        assert find_numbers(too_long) == []
        assert parse_number(too_long) is None
        assert strip_separators(too_long)[0] == too_long
    assert [n.value for n in find_numbers("9" * 10**5 + " and 5")] == [5]


PIECES = [
    "9",
    "1,",
    ",111",
    "1.",
    "-",
    "$-",
    "-$",
    "a",
    "a1.",
    "1_",
    " ",
    "1 ",
    "\u0663",
    "(",
    "/",
    "twenty ",
    "million-",
]
PIECES += [
    "1/2 ",
    "1/",
    "two-",
    "half ",
    "one third of ",
    "2 and a half ",
    "hundred and ",
    "one thousand and ",
    "two hundred and three hundred ",
]


@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear(piece: str) -> None:
    text = piece * (25_000 // len(piece))
    start = time.process_time()
    find_numbers(text)
    parse_number(text)
    strip_separators(text)
    assert time.process_time() - start < 2.5  # a linear one takes a fraction of a second, a quadratic one far longer
