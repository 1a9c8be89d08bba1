"""What the fixtures and tests of this folder share."""

from collections.abc import Callable, Iterable

import torch

from anzan.reader.batch import Batch
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example, make_example
from anzan.reader.network import CalculatorReader
from anzan.reader.scorer import ProgramScorer
from anzan.reader.sequence import Text

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

MakeReader = Callable[..., tuple[CalculatorReader, TextEncoder]]


def examples_of(text_encoder: TextEncoder, problems: Iterable[tuple[str, str, str]]) -> list[Example]:
    """Problems as (passage, question, answer)."""
    return [make_example(text_encoder, passage, question, [[answer]]) for passage, question, answer in problems]


def blank(*_: object) -> None:
    """An override: nothing is shown of what was printed."""


def chosen(model: CalculatorReader, batch: Batch) -> list[int]:
    """The candidate that is read for each example."""
    drawn = model.objective(model.scored(batch), model).drawn
    assert drawn is not None
    return drawn[:, 0].tolist()


def never_stopping(model: CalculatorReader) -> CalculatorReader:
    """The model, with symbols one that makes as many calls as it can."""
    if isinstance(model.scorer, ProgramScorer):
        with torch.no_grad():
            model.scorer.stop.bias.fill_(-1e4)
    return model


def in_training(model: CalculatorReader) -> CalculatorReader:
    """The model in training mode, but without the dropout of its encoder."""
    model.train().encoder.eval()
    return model


def wording(text: Text, span: tuple[int, int]) -> tuple[str, int, int]:
    """Where a token span is in the user's own string."""
    first, last = text.tokens[span[0]], text.tokens[span[1]]
    assert first is not None and last is not None and first.where == last.where
    return first.where, first.start, last.end


def said(text: Text, span: tuple[int, int]) -> str:
    """What it says there."""
    where, start, end = wording(text, span)
    return (text.question if where == "question" else text.passage)[start:end]
