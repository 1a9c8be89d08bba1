"""What a reading sees: against texts and calculations that are rewritten as strings and tokenised anew."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from anzan.arithmetic.calculator import Calculator
from anzan.layer import ExampleNoise
from anzan.reader.batch import WIDTH, Batch, collate_examples, collate_operands, collate_rows, collate_texts
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import make_example
from anzan.reader.sequence import Row, Text
from anzan.reader.tokenizer import model_ids
from anzan.reader.views import Drawn, View, Views, draw_digits, last, stale_numbers
from anzan.tasks.possession import Possession, facts_of, generate

TEXTS = [
    ("Anna has 7 pens. Carl has 54 pens. Zoë has 1,120 pens and twenty.", "Who has more than 3.5 million?"),
    (f"Anna has 5.4 pens. Carl has {'8' * 40}.", "How many?"),
    ("Nobody has -6 or 5%.", "Who?"),
]
MASKED = {"arguments": "random"}


@pytest.fixture(scope="module", params=["bert_tokenizer", "tiny_tokenizer"])
def text_encoder(request: pytest.FixtureRequest) -> TextEncoder:
    return TextEncoder(request.getfixturevalue(request.param), Calculator(), 512)


def views_of(text_encoder: TextEncoder, **settings: Any) -> Views:
    return Views(CalculatorReaderConfig(settings=settings, **model_ids(text_encoder.tokenizer)))


def batch_of(text_encoder: TextEncoder) -> tuple[list[Text], Batch]:
    texts = [text_encoder.text(*text) for text in TEXTS]
    return texts, collate_texts(texts, text_encoder.pad)


def written(number: str, digits: Tensor) -> str:
    """A number as it is printed when its digits are replaced, those of a long one again from the first."""
    count = iter(range(len(number)))
    return "".join(str(int(digits[next(count) % WIDTH])) if c in "0123456789" else c for c in number)


def rewritten(text_encoder: TextEncoder, text: Text, numbers: Iterable[int], digits: Tensor) -> Text:
    """The text in which these numbers have other digits, read anew."""
    sources = {"passage": text.passage, "question": text.question}
    for k in numbers:
        m = text.mentions[k]
        old = sources[m.where]
        sources[m.where] = old[: m.start] + written(old[m.start : m.end], digits[k]) + old[m.end :]
    return text_encoder.text(sources["passage"], sources["question"])


def printed_with(text_encoder: TextEncoder, row: Row, arguments: Sequence[int], digits: Tensor) -> list[int]:
    """The ids of a calculation whose operands have other digits."""
    line = row.printed.text
    for field in row.printed.fields:
        if field.argument is not None:
            number = written(line[field.start : field.end], digits[arguments[field.argument]])
            line = line[: field.start] + number + line[field.end :]
    made = text_encoder.row(replace(row.printed, text=line))
    assert made is not None
    return made.ids


def digits_of(text: Text, numbers: Iterable[int]) -> set[int]:
    """The tokens that are digits of these numbers."""
    sources = {"passage": text.passage, "question": text.question}
    places = {t for k in numbers for t in range(text.mentions[k].span[0], text.mentions[k].span[1] + 1)}
    return {t for t in places if (token := text.tokens[t]) and sources[token.where][token.start : token.end].isdigit()}


def same(a: View, b: View, but: Iterable[str] = ()) -> bool:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(View) if f.name not in but]
    return all(torch.equal(x, y) if x is not None and y is not None else x is y for x, y in pairs)


# -- masks ---------------------------------------------------------------------------------------------------------
def test_digits_are_those_of_numbers_and_the_same_ones_in_answering() -> None:
    drawn = draw_digits(200, 3, torch.device("cpu"))
    assert drawn.shape == (200, 3, WIDTH) and drawn[..., 0].min() == 1 and drawn.unique().tolist() == list(range(10))
    fixed = draw_digits(2, 3, torch.device("cpu"), random=False)
    assert (fixed == draw_digits(5, 3, torch.device("cpu"), random=False)[:2]).all()
    # Whatever else is in the batch.
    assert (fixed == draw_digits(2, 9, torch.device("cpu"), random=False)[:, :3]).all()
    assert len({tuple(n.tolist()) for n in fixed[0]}) == 3


def test_digits_depend_on_the_key_of_their_example_alone() -> None:
    """Not on the other examples, and not on how many numbers those have."""
    together = draw_digits(3, 4, torch.device("cpu"), noise=ExampleNoise(torch.tensor([5, 6, 7])))
    alone = draw_digits(1, 2, torch.device("cpu"), noise=ExampleNoise(torch.tensor([6])))
    assert torch.equal(together[1:2, :2], alone) and not torch.equal(together[0], together[1])
    assert together[..., 0].min() >= 1 and together.max() <= 9


def test_the_choosing_view_masks_all_numbers(text_encoder: TextEncoder) -> None:
    texts, batch = batch_of(text_encoder)
    views = views_of(text_encoder, mask=MASKED | {"choosing": True})
    torch.manual_seed(0)
    drawn = views.draw(batch, training=True)
    assert drawn.digits is not None
    view = views.choosing(batch.text, drawn)
    for b, text in enumerate(texts):
        seen = rewritten(text_encoder, text, range(len(text.mentions)), drawn.digits[b])
        n = len(text.ids)
        assert view.ids[b, :n].tolist() == seen.ids != text.ids
        assert view.ids[b, n:].tolist() == batch.text.ids[b, n:].tolist()
    assert same(view, views.choosing(batch.text, Drawn()), but=["ids"])  # nothing else is another one


@pytest.mark.parametrize("mask", [{}, MASKED])
def test_the_choosing_view_is_the_text_itself_by_default(text_encoder: TextEncoder, mask: dict[str, Any]) -> None:
    _, batch = batch_of(text_encoder)
    views = views_of(text_encoder, mask=mask)
    view = views.choosing(batch.text, views.draw(batch, training=True))
    for name in ("ids", "types", "attention", "answerable", "digits"):
        assert torch.equal(getattr(view, name), getattr(batch.text, name)), name
    assert view.masked is view.shift is view.row is None


def test_printed_rows_have_masked_operands_and_true_results(text_encoder: TextEncoder) -> None:
    """All candidates of a text at once; unmasked where nothing is masked."""
    texts, _ = batch_of(text_encoder)
    examples = [make_example(text_encoder, *text, [["x"]]) for text in TEXTS]
    batch = collate_examples(examples, text_encoder.pad)
    assert batch.candidates is not None and batch.candidates.rows is not None and batch.candidates.operands is not None
    given = batch.candidates.rows, batch.candidates.operands, batch.candidates.pairs
    views = views_of(text_encoder, mask=MASKED)
    assert torch.equal(views.rows(*given, Drawn()), batch.candidates.rows)
    drawn = views.draw(batch, training=True)
    assert drawn.digits is not None
    masked = views.rows(*given, drawn)
    for b, example in enumerate(examples):
        for a, pair in enumerate(texts[b].candidates):
            row = example.rows[a]
            assert row is not None
            expected = printed_with(text_encoder, row, pair, drawn.digits[b])
            assert masked[b, a].tolist() == expected + [-1] * (masked.shape[2] - len(expected))


@pytest.mark.parametrize("pairs", [[(0, 2), (0, 1), (0, 1)], [(-1, -1), (1, 0), (-1, -1)]])
def test_the_reading_view_masks_the_arguments(text_encoder: TextEncoder, pairs: list[tuple[int, int]]) -> None:
    """In the text and in the row alike; no answer can be read off there. -1 for no argument."""
    texts, batch = batch_of(text_encoder)
    views = views_of(text_encoder, mask=MASKED)
    drawn = views.draw(batch, training=True)
    assert drawn.digits is not None
    rows = [None if -1 in pair else text_encoder.result(t, pair) for t, pair in zip(texts, pairs, strict=True)]
    arguments = torch.tensor(pairs)
    row = views.rows(collate_rows(rows)[:, None], collate_operands(rows)[:, None], arguments[:, None], drawn)[:, 0]
    view = views.reading(batch.text, drawn, arguments, row)
    assert view.masked is not None and view.row is not None
    for b, (text, pair) in enumerate(zip(texts, pairs, strict=True)):
        chosen = [k for k in pair if k >= 0]
        n, gone = len(text.ids), digits_of(text, chosen)
        assert view.ids[b, :n].tolist() == rewritten(text_encoder, text, chosen, drawn.digits[b]).ids
        assert {i for i, hidden in enumerate(view.masked[b].tolist()) if hidden} == gone
        assert view.answerable[b, :n].tolist() == [t is not None and i not in gone for i, t in enumerate(text.tokens)]
        made = rows[b]
        expected = [] if made is None else printed_with(text_encoder, made, pair, drawn.digits[b])
        assert [i for i in view.row[b].tolist() if i >= 0] == expected


def test_the_reading_view_without_masks_is_text_and_row(text_encoder: TextEncoder) -> None:
    texts, batch = batch_of(text_encoder)
    views = views_of(text_encoder)
    drawn = views.draw(batch, training=True)
    assert drawn == Drawn()
    row = collate_rows([text_encoder.result(t, (0, 1)) for t in texts])
    view = views.reading(batch.text, drawn, torch.tensor([[0, 1]] * 3), row)
    assert same(view, replace(views.choosing(batch.text, drawn), row=row)) and view.masked is None


def test_what_went_into_an_earlier_call_stays_masked(text_encoder: TextEncoder) -> None:
    """Also in what that call printed, where the result that the last call takes is masked as well."""
    text = text_encoder.text(*TEXTS[0])
    row = text_encoder.result(text, (0, 1))
    assert row is not None
    longer = text_encoder.extended(text, (0, 1), row)
    batch = collate_texts([longer], text_encoder.pad)
    views = views_of(text_encoder, mask=MASKED)
    drawn = views.draw(batch, training=True)
    assert drawn.digits is not None and drawn.masked is not None
    digits, result = drawn.digits[0], len(text.mentions) + 1  # `- 47 = 7 - 54`: the second result
    assert drawn.masked[0].tolist() == [k in (0, 1) for k in range(len(longer.mentions))]
    view = views.reading(batch.text, drawn, torch.tensor([[2, result]]), None)
    line, results = row.printed.text, len(text.mentions)
    for field in row.printed.fields:
        number = (0, 1)[field.argument] if field.argument is not None else results
        results += field.argument is None
        if field.argument is not None or number == result:
            shown = written(line[field.start : field.end], digits[number])
            line = line[: field.start] + shown + line[field.end :]
    made = text_encoder.row(replace(row.printed, text=line))
    assert made is not None and made.ids != row.ids
    assert view.ids[0].tolist() == [*rewritten(text_encoder, text, (0, 1, 2), digits).ids, *made.ids]


def test_a_guess_sees_no_digit_and_no_result(text_encoder: TextEncoder) -> None:
    texts, batch = batch_of(text_encoder)
    views = views_of(text_encoder, debias={"guesses": 1.0})
    tokenizer: Any = text_encoder.tokenizer
    rows = [text_encoder.result(texts[0], (0, 1)), None, text_encoder.result(texts[2], (0, 1))]
    arguments = torch.tensor([[0, 1], [-1, -1], [0, 1]])
    reading = views.reading(batch.text, Drawn(), arguments, collate_rows(rows))
    view = views.guessing(reading)
    assert view.row is not None and reading.row is not None
    for b, (text, row) in enumerate(zip(texts, rows, strict=True)):
        gone = digits_of(text, range(len(text.mentions)))
        expected = [tokenizer.mask_token_id if i in gone else k for i, k in enumerate(text.ids)]
        assert view.ids[b, : len(text.ids)].tolist() == expected
        closed = [] if row is None else [tokenizer.mask_token_id] * (len(row.ids) - 1) + [tokenizer.sep_token_id]
        assert [i for i in view.row[b].tolist() if i != -1] == closed
        assert ((view.row[b] >= 0) == (reading.row[b] >= 0)).all()
    assert same(view, reading, but=["ids", "row"])
    without = views.guessing(replace(reading, row=None))
    assert without.row is None and torch.equal(without.ids, view.ids)


# -- what is drawn -------------------------------------------------------------------------------------------------
def labelled(text_encoder: TextEncoder, count: int = 3) -> Batch:
    texts = (TEXTS * count)[:count]
    return collate_examples([make_example(text_encoder, *text, [["x"]]) for text in texts], text_encoder.pad)


def test_nothing_is_random_in_answering(text_encoder: TextEncoder) -> None:
    settings = {"mask": MASKED | {"stale": 1.0}, "digit_places": 9}
    views, batch = views_of(text_encoder, **settings), labelled(text_encoder)
    torch.manual_seed(0)
    one = views.draw(batch, training=False)
    two = views.draw(batch, training=False, noise=ExampleNoise(torch.arange(3)))
    assert one.digits is not None and two.digits is not None and torch.equal(one.digits, two.digits)
    assert torch.equal(one.digits, draw_digits(*one.digits.shape[:2], torch.device("cpu"), random=False))
    assert one.masked is not None and not one.masked.any() and one.shift is two.shift is None


def test_masks_of_training_are_drawn_anew_or_fixed(text_encoder: TextEncoder) -> None:
    batch = labelled(text_encoder)
    random, fixed = (views_of(text_encoder, mask={"arguments": kind}) for kind in ("random", "fixed"))
    torch.manual_seed(0)
    draws = [random.draw(batch, training=True).digits for _ in range(2)]
    assert draws[0] is not None and draws[1] is not None and not torch.equal(*draws)
    noise = [random.draw(batch, training=True, noise=ExampleNoise(torch.arange(3) + k)).digits for k in (0, 0, 1)]
    assert torch.equal(noise[0], noise[1]) and not torch.equal(noise[0], noise[2])  # pyright: ignore[reportArgumentType]
    assert torch.equal(noise[0][1:], noise[2][:2])  # pyright: ignore[reportOptionalSubscript]
    kept = [fixed.draw(batch, training).digits for training in (True, False)]
    assert torch.equal(kept[0], kept[1])  # pyright: ignore[reportArgumentType]


def test_stale_numbers_are_masked_in_a_share_of_the_training_examples(text_encoder: TextEncoder) -> None:
    """In each example all of them or none, from its own key."""
    batch = labelled(text_encoder, 600)
    assert batch.labels is not None and batch.labels.stale is not None
    noise = ExampleNoise(torch.arange(600))
    found = {}
    for share in (0.0, 0.3, 1.0):
        views = views_of(text_encoder, mask=MASKED | {"stale": share})
        masked = views.draw(batch, training=True, noise=noise).masked
        assert masked is not None
        stale = masked.any(1)
        assert torch.equal(masked, batch.labels.stale & stale[:, None])
        found[share] = stale.float().mean().item()
        # Texts without labels, as in answering, have no stale numbers.
        plain = views.draw(replace(batch, labels=None), training=True, noise=noise).masked
        assert plain is not None and not plain.any()
    assert found[0.0] == 0.0 and found[1.0] == 1.0 and found[0.3] == pytest.approx(0.3, abs=0.06)


def test_a_text_without_numbers_is_drawn_nothing_for(text_encoder: TextEncoder) -> None:
    batch = collate_texts([text_encoder.text("Nobody has any.", "Who?")], text_encoder.pad)
    views = views_of(text_encoder, mask=MASKED)
    assert views.draw(batch, training=True) == Drawn()
    assert views.draw(replace(batch, candidates=None), training=True) == Drawn()


# -- layout --------------------------------------------------------------------------------------------------------
def test_each_row_follows_its_text_at_once(text_encoder: TextEncoder) -> None:
    """Against lists that are put together by hand; no longer than the longest example."""
    texts, batch = batch_of(text_encoder)
    rows = [text_encoder.result(texts[0], (0, 2)), None, text_encoder.result(texts[2], (0, 1))]
    row = collate_rows(rows)
    view = views_of(text_encoder).reading(batch.text, Drawn(), torch.tensor([[0, 1]] * 3), row)
    layout = view.layout
    sequences = [[*t.ids, *(r.ids if r else [])] for t, r in zip(texts, rows, strict=True)]
    longest = max(map(len, sequences))
    assert longest < batch.text.ids.shape[1] + row.shape[1]
    assert layout.attention.shape == layout.types.shape == layout.answerable.shape == (3, longest)
    joined = layout.join(view.ids[..., None].double(), row[..., None].double())
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
    view = views_of(text_encoder).reading(batch.text, Drawn(), torch.tensor([[0, 1]] * 3), row)
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
    view = views_of(text_encoder).reading(batch.text, Drawn(), torch.tensor([[0, 1]] * 3), row)
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


# -- stale numbers -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("passage", "stale"),
    [
        ("Anna has 5 pens. Carl has 7 pens.", "5 7"),
        ("Anna has 5 pens. Carl has 7 pens. Anna gave 2 pens to Grace.", "5 2"),
        ("Anna has 5 pens. Grace has 1.5 pens. Carl has 7 pens. Anna gave 2 pens to Grace.", "5 1.5 2"),
        ("Anna has 5.5 pens! Carl has 7.", "5.5 7"),
        ("anna has 5. anna has 6.", "5 6"),  # no name: none is stale
        ("", ""),
    ],
)
def test_stale_numbers(passage: str, stale: str) -> None:
    numbers = list(re.finditer(r"\d+(\.\d+)?", passage))
    out = stale_numbers(passage, [n.start() for n in numbers])
    assert " ".join(n.group() for n, is_out in zip(numbers, out, strict=True) if is_out) == stale


def test_the_rival_s_number_stays_and_the_gold_arguments_do_not() -> None:
    for problem in generate(Possession(people=5, digits=4, transfers=1), 50, seed=0):
        facts = facts_of(problem)
        other = next(name for name in facts.asked if name != facts.owner)
        start = problem.passage.index(f"{other} has ") + len(f"{other} has ")
        golds = [m["start"] for m in problem.meta["mentions"]]
        assert stale_numbers(problem.passage, [start, *golds]) == [False, True, True]
