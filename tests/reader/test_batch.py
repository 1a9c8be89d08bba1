"""Batches against lists that are padded by hand, and indexing against the examples themselves."""

from collections.abc import Iterator
from dataclasses import fields, replace
from fractions import Fraction
from itertools import combinations

import torch
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic.calculator import Calculator
from anzan.reader.batch import Batch, LabelBatch, Tensors, TextBatch, collate_examples, collate_rows, collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import Example, make_example
from anzan.reader.sequence import Row
from anzan.reader.views import View


def examples_of(text_encoder: TextEncoder) -> list[Example]:
    return [
        make_example(text_encoder, "Anna 7, Carl 5, Zoë 12.", "How many?", [["12"]], [Fraction(7), Fraction(5)]),
        make_example(text_encoder, "Anna has 1,000 pens and Carl has 20.", "Who has more?", [["Anna"]]),
        make_example(text_encoder, "Nobody has any.", "Who?", [["Nobody"]]),
        make_example(text_encoder, "x", "y", [["z"]]),
    ]


# -- texts ---------------------------------------------------------------------------------------------------------
def test_collated_texts(text_encoder: TextEncoder) -> None:
    texts = [e.text for e in examples_of(text_encoder)]
    pad = text_encoder.pad
    batch = collate_texts(texts, text_encoder)
    assert len(batch) == 4 and batch.labels is batch.draws is batch.numbers is None
    text, candidates = batch.text, batch.candidates
    assert candidates is not None and candidates.rows is None
    longest, numbers = max(len(t.ids) for t in texts), max(len(t.mentions) for t in texts)
    assert text.ids.shape == (4, longest) and candidates.numbers.shape == (4, numbers)
    assert candidates.pairs.shape == (4, 3, 2) and candidates.valid.shape == (4, 3)
    for b, t in enumerate(texts):
        n, rest = len(t.ids), longest - len(t.ids)
        assert text.ids[b].tolist() == t.ids + [pad] * rest
        assert text.attention[b].tolist() == [1] * n + [0] * rest
        assert text.types[b].tolist() == t.types + [0] * rest
        assert text.answerable[b].tolist() == [k is not None for k in t.tokens] + [False] * rest
        assert candidates.numbers[b].tolist()[: len(t.mentions)] == [m.span[0] for m in t.mentions]
        pairs = list(combinations(range(len(t.mentions)), 2))
        assert candidates.valid[b].tolist() == [a < len(pairs) for a in range(3)]
        assert [tuple(p) for p in candidates.pairs[b].tolist()] == pairs + [(0, 0)] * (3 - len(pairs))


def test_an_earlier_call_is_part_of_its_text(text_encoder: TextEncoder) -> None:
    """What it printed can be the answer."""
    text = text_encoder.text("Anna has 17 pens. Carl has 5.", "Who has 3?")
    row = text_encoder.result(text, (0, 1))
    assert row is not None and row.printed.text == "22 = 17 + 5 , 12 = 17 - 5 , - 12 = 5 - 17"
    longer = text_encoder.extended(text, (0, 1), row)
    batch = collate_texts([longer, text], text_encoder)
    base = len(text.ids)
    assert batch.text.answerable[0, base:].tolist() == [True] * (len(row.ids) - 1) + [False]


# -- rows ----------------------------------------------------------------------------------------------------------
def test_collated_rows() -> None:
    assert collate_rows([Row([4, 5], []), None, Row([6], [])]).tolist() == [[4, 5], [-1, -1], [6, -1]]
    assert collate_rows([None, None]).shape == (2, 0)


# -- examples ------------------------------------------------------------------------------------------------------
def test_collated_examples(text_encoder: TextEncoder) -> None:
    examples = examples_of(text_encoder)
    batch = collate_examples(examples, text_encoder)
    candidates, labels = batch.candidates, batch.labels
    assert candidates is not None and candidates.rows is not None
    assert labels is not None and labels.row_spans is not None
    assert labels.acceptable is not None and labels.gold is not None
    length = max(len(r.ids) for e in examples for r in e.rows if r)
    assert candidates.rows.shape == (4, 3, length)
    assert candidates.rows.dtype == torch.long
    for b, e in enumerate(examples):
        for a in range(3):
            row: Row | None = e.rows[a] if a < len(e.rows) else None
            ids = row.ids if row else []
            assert candidates.rows[b, a].tolist() == ids + [-1] * (length - len(ids))
            assert bool(candidates.valid[b, a]) == (row is not None)
            spans = [tuple(s) for s in labels.row_spans[b, a].tolist() if s[0] >= 0]
            assert spans == (e.row_spans[a] if row else [])
            assert bool(labels.acceptable[b, a]) == (a < len(e.acceptable) and e.acceptable[a])
            assert bool(labels.gold[b, a]) == (a < len(e.gold) and e.gold[a])
        assert [tuple(s) for s in labels.text_spans[b].tolist() if s[0] >= 0] == e.text_spans
    assert labels.acceptable.any() and labels.gold.any()


def test_collated_examples_without_candidates(text_encoder: TextEncoder) -> None:
    examples = examples_of(text_encoder)
    for some, spans in ((examples[2:], (2, 1, 2)), (examples[3:], (1, 0, 2))):
        batch = collate_examples(some, text_encoder)
        assert batch.candidates is None and batch.labels is not None
        assert batch.labels.text_spans.shape == spans
        assert batch.labels == LabelBatch(batch.labels.text_spans)


def test_collated_examples_whose_results_are_all_undefined(tokenizer: PreTrainedTokenizerFast) -> None:
    text_encoder = TextEncoder(tokenizer, Calculator(("/",)))
    batch = collate_examples([make_example(text_encoder, "0 and 0", "?", [["0"]])], text_encoder)
    assert batch.candidates is not None and batch.candidates.rows is not None
    assert batch.candidates.rows.shape == (1, 1, 0) and not batch.candidates.valid.any()


# -- groups of tensors ---------------------------------------------------------------------------------------------
def tensors_of(group: Tensors, name: str = "") -> Iterator[tuple[str, torch.Tensor | None]]:
    """Every tensor of a group and of the groups in it, by name."""
    for f in fields(group):
        value = getattr(group, f.name)
        if isinstance(value, Tensors):
            yield from tensors_of(value, f"{name}{f.name}.")
        elif value is None or isinstance(value, torch.Tensor):
            yield name + f.name, value


SYMBOLS_ALONE = ("numbers", "labels.wanted", "labels.programs", "labels.known")
"""What batches of digits have not."""


def whole(text_encoder: TextEncoder) -> Batch:
    examples = examples_of(text_encoder)
    batch = collate_examples(examples, text_encoder)
    return replace(batch, draws=torch.tensor([3, 1, 4, 15]))


def test_selecting_is_indexing(text_encoder: TextEncoder) -> None:
    """Tensor by tensor, example by example."""
    batch = whole(text_encoder)
    example = [2, 0, 0, 3, 1]
    chosen = batch.select(torch.tensor(example))
    assert len(chosen) == 5 and len(batch) == 4
    given, found = dict(tensors_of(batch)), dict(tensors_of(chosen))
    assert given.keys() == found.keys() and sum(t is not None for t in given.values()) == 13
    for name, tensor in given.items():
        ours = found[name]
        if name in SYMBOLS_ALONE:
            assert tensor is ours is None
            continue
        assert tensor is not None and ours is not None and ours.dtype == tensor.dtype
        assert torch.equal(ours, torch.stack([tensor[b] for b in example])), name
    nobody = batch.select(torch.tensor([], dtype=torch.long))
    assert len(nobody) == 0 and all(t is None or len(t) == 0 for _, t in tensors_of(nobody))


def test_selecting_from_views() -> None:
    ids = torch.tensor([[1, 2], [3, 4]])
    view = View(TextBatch(ids, ids, ids > 0, ids > 3), torch.tensor([[5], [6]]))
    assert view.layout.attention.shape == (2, 3)  # kept once it is made, but not for other examples
    one = view.select(torch.tensor([1]))
    assert (one.text.ids.tolist(), one.text.answerable.tolist()) == ([[3, 4]], [[False, True]])
    assert one.row is not None and one.row.tolist() == [[6]] and one.layout.attention.shape == (1, 3)


def test_moving_to_a_device(text_encoder: TextEncoder) -> None:
    batch = whole(text_encoder)
    moved = batch.to("meta")
    for name, tensor in tensors_of(moved):
        assert (tensor is None) == (name in SYMBOLS_ALONE), name
        assert tensor is None or tensor.device.type == "meta", name
    assert all(tensor is None or tensor.device.type == "cpu" for _, tensor in tensors_of(batch))
    plain = collate_texts([e.text for e in examples_of(text_encoder)], text_encoder).to("meta")
    assert plain.labels is plain.draws is plain.numbers is None
