"""What the fixtures and tests of this folder share."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from torch import Tensor

from anzan.reader.batch import Batch
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Chain, Example, make_example
from anzan.reader.network import CalculatorReader
from anzan.reader.sequence import Text
from anzan.reader.views import View

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


def with_chain(batch: Batch, text_encoder: TextEncoder, examples: list[Example]) -> Batch:
    """The batch of these examples for a reader with several calls."""
    return replace(batch, chain=Chain(text_encoder, examples))


def blank(*_: object) -> None:
    """An override: nothing is shown of what was printed."""


def unmasked(batch: Batch, rows: Tensor | None = None) -> View:
    """A view of the texts as they are, with rows as they are given."""
    text = batch.text
    return View(text.ids, text.types, text.attention, text.answerable, text.digits, row=rows)


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
