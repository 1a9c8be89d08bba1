"""What the fixtures of this folder are made of."""

from collections.abc import Callable

from anzan.reader.encode import Features
from anzan.reader.network import CalculatorReader

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SYMBOLS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_{|}~\u2212\u2013\u2019€£"
WORDS = [
    "the",
    "who",
    "has",
    "more",
    "how",
    "many",
    "pens",
    "anna",
    "carl",
    "gave",
    "two",
    "twenty",
    "five",
    "hundred",
    "##s",
    "##ed",
]
MIXED = ["10", "123", "1990", "1990s", "2nd", "##00", "##45", "##1s", "##3rd", "b2b"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]", *SYMBOLS, *LETTERS, *"0123456789"]
VOCABULARY += [f"##{c}" for c in LETTERS + "0123456789"] + [w for w in WORDS if w != "##s"] + MIXED

MakeReader = Callable[..., tuple[CalculatorReader, Features]]
