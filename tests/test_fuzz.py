"""Texts and files that nobody means well with: no crash, no hang, offsets inside the text.

`make test` sees a few of them, CI (`make slow`) more, and `ANZAN_FUZZ=100000` as many as that.
"""

import os
import random
import time
from fractions import Fraction
from pathlib import Path

import pytest

from anzan.arithmetic.calculator import Calculator
from anzan.arithmetic.numbers import find_numbers, parse_number
from anzan.reader.encode import TextEncoder, TextTooLong
from anzan.reader.encoders import TINY, locate_encoder
from anzan.reader.tokenizer import load_tokenizer
from anzan.tasks.fields import DataError
from anzan.tasks.formats import read_any

SECONDS = 2.0
"""Of the processor, for one text of a few thousand characters, on a slow machine."""
PIECES = (
    "\0", "\x07", "\x1b[31m", "\t", "\n", "\r\n", "\u2028", "\u200b", "\u202e", "\u2066", "\ufeff", "\ud800", "\udfff",
    "e\u0301\u0301\u0301", "👩‍👩‍👧", "🇯🇵", "ﷺ", "العدد ١٢٣", "שלום 45", "一千二百", "½", "²", "Ⅷ", "①", "１２３", "٣٫٥",
    "1e999", "-1e-999", "NaN", "inf", "-Infinity", "0x1F", "1_000", "1,2,3", "1,234,56", "1.2.3", "..5", "5..", "--7",
    "- - 8", "+9", "$", "€5", "%", "5%", "3/4", "1/0", "0/0", "27-20", "1990s", "3rd", "twenty", "hundred", "million",
    "three hundred and five thousand", "half", "a dozen", "1.5 million million", "[SEP]", "[CLS]", "[MASK]", "##5",
    "<b>", "&lt;", "\"'`«»", "((((((((", "\\", "{}", "%s", "{0}", "Anna has 5 pens.", "Who has more?", "=",
    "5 = 2 + 3 ,",
)  # fmt: skip
JSONL = (
    '{"id": "a", "passage": "Anna has 5 pens.", "question": "How many?", "answers": [["5"]], "arguments": [[5, 3]]}\n'
)
CSV = "Question,Numbers,Equation,Answer,group_nums,Body,Ques_Statement\nHow many number0?,5 3,+ number0 number1,8,,,\n"
DROP = '{"p": {"passage": "5 pens", "qa_pairs": [{"question": "?", "query_id": "q", "answer": {"number": "5"}}]}}'


def nasty(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.02:  # a number without end
        return rng.choice(("7", "1,000", "0.", "9/", "-", "1e")) * rng.choice((10, 1000, 5000))
    if kind < 0.2:  # any characters
        return "".join(
            chr(rng.choice((rng.randrange(0x250), rng.randrange(0x110000)))) for _ in range(rng.randrange(60))
        )
    glue = rng.choice(("", " ", " ", "\n", ","))
    words = [
        rng.choice(PIECES) if rng.random() < 0.7 else str(rng.randrange(10 ** rng.randrange(1, 25)))
        for _ in range(rng.randrange(1, 25))
    ]
    return glue.join(words)


@pytest.fixture(scope="module")
def text_encoder() -> TextEncoder:
    return TextEncoder(load_tokenizer(locate_encoder(TINY)), Calculator(("+", "-", "*", "/")), 512)


def check_numbers(text: str) -> None:
    started, end = time.process_time(), 0
    for number in find_numbers(text):
        assert end <= number.start < number.end <= len(text) and text[number.start : number.end] == number.text
        assert isinstance(number.value, Fraction)
        end = number.end
    parse_number(text)
    assert time.process_time() - started < SECONDS, repr(text)


def check(text: str, other: str, text_encoder: TextEncoder) -> None:
    started = time.process_time()
    check_numbers(text)
    try:
        made = text_encoder.text(text, other)
    except TextTooLong:
        made = None
    if made is not None:
        assert len(made.ids) == len(made.types) == len(made.tokens) <= 512
        for token in made.tokens:
            assert token is None or 0 <= token.start < token.end <= len(
                {"passage": text, "question": other}[token.where]
            )
        for pair in made.candidates[:20]:
            text_encoder.result(made, pair)
    assert time.process_time() - started < SECONDS, repr(text)


MANY = int(os.environ.get("ANZAN_FUZZ", "20000"))


@pytest.mark.parametrize("count", [1_000, pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_texts(text_encoder: TextEncoder, count: int) -> None:
    rng = random.Random(count)
    for _ in range(count):
        check(nasty(rng), nasty(rng), text_encoder)


def test_a_number_of_a_hundred_thousand_digits(text_encoder: TextEncoder) -> None:
    for text in ("7" * 10**5, "-0." + "3" * 10**5, "1," + ",".join(["000"] * 30_000), "twenty " * 10**4, "1/" * 10**4):
        check(text, "How many?", text_encoder)


def check_file(path: Path) -> None:
    try:
        problems = read_any(path)
    except DataError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
        return
    for problem in problems:
        assert isinstance(problem.passage, str) and isinstance(problem.question, str)
        assert all(isinstance(part, str) for spans in problem.answers for part in spans)


@pytest.mark.parametrize("count", [300, pytest.param(MANY // 4, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_data_files(tmp_path: Path, count: int) -> None:
    rng = random.Random(count)
    for i in range(count):
        suffix, content = rng.choice(((".jsonl", JSONL), (".csv", CSV), (".json", DROP), (".jsonl", nasty(rng))))
        raw = bytearray(content.encode("utf-8", "replace"))
        for _ in range(rng.randrange(4)):
            place = rng.randrange(len(raw) + 1)
            raw[place : place + rng.randrange(3)] = rng.choice(
                (b"", b"\0", b"\xff", b'"', b"{", b"]", b"null", b"1e999", b"\n", b"-", bytes([rng.randrange(256)]))
            )
        path = tmp_path / f"{i % 50}{suffix}"
        path.write_bytes(raw)
        check_file(path)
