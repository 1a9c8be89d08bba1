"""What a reading sees: the text and, at once after it, a row."""

import pytest
import torch
from torch import Tensor

from anzan.arithmetic.calculator import Calculator
from anzan.layer import ExampleNoise
from anzan.reader.batch import Batch, collate_rows, collate_texts
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encode import TextEncoder
from anzan.reader.sequence import Text
from anzan.reader.tokenizer import model_ids
from anzan.reader.views import View, Views, last

TEXTS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 1,120 pens and twenty.", "Who has more than 3.5 million?"),
    (f"Anna has 5.4 pens. Carl has {'8' * 40}.", "How many?"),
    ("Nobody has -6 or 5%.", "Who?"),
]


@pytest.fixture(scope="module", params=["bert_tokenizer", "tiny_tokenizer"])
def text_encoder(request: pytest.FixtureRequest) -> TextEncoder:
    return TextEncoder(request.getfixturevalue(request.param), Calculator(), 512)


def batch_of(text_encoder: TextEncoder) -> tuple[list[Text], Batch]:
    texts = [text_encoder.text(*text) for text in TEXTS]
    return texts, collate_texts(texts, text_encoder)


# -- what is drawn -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("training", [False, True])
def test_nothing_is_random_where_numbers_are_digits(text_encoder: TextEncoder, training: bool) -> None:
    _, batch = batch_of(text_encoder)
    views = Views(CalculatorReaderConfig(**model_ids(text_encoder.tokenizer)))
    for noise in (None, ExampleNoise(torch.arange(3))):
        assert views.draw(batch, training, noise) is batch
    row = torch.tensor([[1], [2], [3]])
    assert views.choosing(batch.text) == View(batch.text) and views.reading(batch.text, row) == View(batch.text, row)


# -- layout --------------------------------------------------------------------------------------------------------
def test_each_row_follows_its_text_at_once(text_encoder: TextEncoder) -> None:
    """Against lists that are put together by hand; no longer than the longest example."""
    texts, batch = batch_of(text_encoder)
    rows = [text_encoder.result(texts[0], (0, 2)), None, text_encoder.result(texts[2], (0, 1))]
    row = collate_rows(rows)
    view = View(batch.text, row)
    layout = view.layout
    sequences = [[*t.ids, *(r.ids if r else [])] for t, r in zip(texts, rows, strict=True)]
    longest = max(map(len, sequences))
    assert longest < batch.text.ids.shape[1] + row.shape[1]
    assert layout.attention.shape == layout.types.shape == layout.answerable.shape == (3, longest)
    joined = layout.join(batch.text.ids[..., None].double(), row[..., None].double())
    for b, (text, made, ids) in enumerate(zip(texts, rows, sequences, strict=True)):
        n = len(ids)
        assert joined[b, :n, 0].tolist() == ids
        assert layout.attention[b].tolist() == [i < n for i in range(longest)]
        assert layout.types[b, :n].tolist() == [*text.types, *([2] * (n - len(text.ids)))]
        open_ = [t is not None for t in text.tokens] + ([True] * (len(made.ids) - 1) + [False] if made else [])
        assert layout.answerable[b].tolist() == open_ + [False] * (longest - n)


@pytest.mark.parametrize("row", [None, torch.empty(3, 0, dtype=torch.long)])
def test_without_a_row_there_is_the_text_alone(text_encoder: TextEncoder, row: Tensor | None) -> None:
    _, batch = batch_of(text_encoder)
    view = View(batch.text, row)
    layout = view.layout
    assert layout.source is None and torch.equal(layout.types, batch.text.types)
    assert torch.equal(layout.attention, batch.text.attention.bool())
    assert torch.equal(layout.answerable, batch.text.answerable)
    embedded = torch.randn(*batch.text.ids.shape, 2)
    assert layout.join(embedded, torch.randn(3, 4, 2)) is embedded


def test_a_soft_row_is_as_long_as_its_mask(text_encoder: TextEncoder) -> None:
    """A mixture of rows has tokens where any of them has one."""
    texts, batch = batch_of(text_encoder)
    row = collate_rows([text_encoder.result(t, (0, 1)) for t in texts])
    view = View(batch.text, row)
    longer = torch.ones(3, row.shape[1] + 2, dtype=torch.bool)
    layout = view.with_row_mask(longer).layout
    for b, text in enumerate(texts):
        n = len(text.ids) + longer.shape[1]
        assert layout.attention[b].tolist() == [i < n for i in range(layout.attention.shape[1])]
        assert layout.answerable[b, len(text.ids) : n].tolist() == [True] * (longer.shape[1] - 1) + [False]
    assert view.layout.attention.shape != layout.attention.shape  # the view itself stays


def test_the_last_token_of_a_row() -> None:
    there = torch.tensor([[True, True, False], [True, True, True], [False, False, False]])
    assert last(there).tolist() == [[False, True, False], [False, False, True], [False, False, False]]
