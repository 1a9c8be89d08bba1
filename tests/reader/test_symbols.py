"""Numbers as symbols: what the encoder never sees, and what changes of numbers change."""

import random
from fractions import Fraction
from itertools import pairwise, product
from typing import Any
from unicodedata import numeric

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from readers import MakeReader, never_stopping
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic import KINDS, Calculator, find_numbers, number_kind
from anzan.layer import ExampleNoise
from anzan.reader.batch import collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.reader import Reader
from anzan.reader.symbols import NUMBERS, RESULTS, SIGNS, SymbolIds

SETTINGS: dict[str, Any] = {
    "numbers": "symbols",
    "calls": 2,
    "choice": {"objective": "unordered-set"},
    "supervision": {"argument_loss": "marginal"},
}
IDS = SymbolIds(1000, 3)


# -- ids -----------------------------------------------------------------------------------------------------------
def test_every_symbol_has_an_id_of_its_own() -> None:
    numbers = [IDS.number(i, kind) for kind in KINDS for i in range(NUMBERS)]
    results = [IDS.result(k // 3, k % 3) for k in range(RESULTS)]
    signs = [IDS.sign(sign) for sign in SIGNS]
    assert sorted([*numbers, *results, *signs, IDS.opaque]) == list(range(1000, 1000 + IDS.count))
    assert IDS.number(NUMBERS + 3, "year") == IDS.number(3, "year")  # those of a long text come up again
    assert IDS.result(RESULTS, 0) == IDS.result(0, (3 * RESULTS) % RESULTS)
    names = [IDS.name(i) for i in (IDS.number(7, "percent"), IDS.result(1, 2), *signs, IDS.opaque)]
    assert names == ["N7", "R5", "+", "-", "0", "?", "#"]


@given(seed=st.integers(0, 1000), shape=st.sampled_from([(3, 20), (2, 4, 5), (1, 0)]))
def test_dealing_is_a_permutation_of_the_symbols_of_numbers(seed: int, shape: tuple[int, ...]) -> None:
    """In each example its own; everything else, and the kind of a number, stays."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(990, 1000 + IDS.count, shape, generator=generator)
    ids[..., :1] = -1  # after the end of a row
    order = torch.stack([torch.randperm(NUMBERS, generator=generator) for _ in range(shape[0])])
    dealt = IDS.deal(ids, order)
    for b in range(shape[0]):
        for old, new in zip(ids[b].flatten().tolist(), dealt[b].flatten().tolist(), strict=True):
            place = old - 1000
            if 0 <= place < len(KINDS) * NUMBERS:
                assert new == 1000 + place // NUMBERS * NUMBERS + order[b, place % NUMBERS]
            else:
                assert new == old


def test_symbols_are_dealt_anew_in_training_alone(make_reader: MakeReader) -> None:
    """For each draw of an example its own, whatever else is in the batch."""
    model, encoder = make_reader(**SETTINGS)
    texts = [encoder.text(f"Anna has {n} pens and Carl has 5%.", "Who has more than 3?") for n in (7, 800, 9)]
    batch = collate_texts(texts, encoder)
    ids, views = encoder.symbols, model.views
    assert ids is not None and views.draw(batch, training=False) is batch
    plain = batch.text.ids
    seen = [views.draw(batch, True, ExampleNoise(torch.tensor(keys))).text.ids for keys in ([1, 2, 3], [3, 1, 2])]
    for dealt in (*seen, views.draw(batch, training=True).text.ids):
        numbers = (plain >= ids.first) & (plain < ids.first + len(KINDS) * NUMBERS)
        assert numbers.sum() == 9 and torch.equal(dealt[~numbers], plain[~numbers])
        new, old = dealt[numbers] - ids.first, plain[numbers] - ids.first
        assert torch.equal(new // NUMBERS, old // NUMBERS) and not torch.equal(new, old)
        assert all(len({*row.tolist()}) == 3 for row in (new % NUMBERS).view(3, 3))
    alone = collate_texts(texts[1:2], encoder)
    again = views.draw(alone, True, ExampleNoise(torch.tensor([2]))).text.ids
    assert torch.equal(again[0], seen[0][1, : again.shape[1]]) and not torch.equal(seen[0], seen[1])


# -- no digit reaches the encoder ----------------------------------------------------------------------------------
DIGITS = "0123456789٠٣٩०५３９²③"
PIECES = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.text(st.sampled_from(DIGITS), min_size=1, max_size=4),
    st.integers(-(10**60), 10**60).map(str),
    st.integers(0, 10**12).map("{:,}".format),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.sampled_from([
        "B12", "1e9", "1990s", "3rd", "21st", "$1,200", "12.5%", "5kg", "-7", "−7", "twelve", "twenty-five", "1/2",
        "two hundred and 3", "3.5 million", "half a dozen", "12:30", "2019-05-01", "1.2.3", "x²", "０１",
        "[unused1]", "½", "twice", "two dozen", "May 3, 1815", "3 p.m.", "weeks and days",
    ]),
)  # fmt: skip
TEXT = st.lists(PIECES, max_size=8).map(" ".join) | st.lists(PIECES, max_size=5).map("".join)


def with_digits(encoder: TextEncoder) -> set[int]:
    """The tokens of the vocabulary that contain a digit, or another character that is a number (½)."""
    vocabulary = encoder.tokenizer.get_vocab()
    return {i for token, i in vocabulary.items() if any(numeric(c, None) is not None for c in token)}


@settings(deadline=None, max_examples=150)
@given(passage=TEXT, question=TEXT, kind=st.sampled_from(["bert_tokenizer", "tiny_tokenizer"]), implied=st.booleans())
@example("B12 cost $1,200 in 1999, 3.5 million", "1e9 or ３?", "bert_tokenizer", False)
@example("On 3 May 1815 at 12:30 p.m. twice as many, 1815-05-03", "How many weeks or days?", "tiny_tokenizer", True)
def test_no_digit_is_in_a_text_or_in_what_is_printed(
    request: pytest.FixtureRequest, passage: str, question: str, kind: str, implied: bool
) -> None:
    encoder = symbol_encoder(request.getfixturevalue(kind))
    encoder.implied = implied
    text, symbols, digits = encoder.text(passage, question), encoder.symbols, with_digits(encoder)
    plain = TextEncoder(encoder.tokenizer, encoder.calculator, 4096, 2, encoder.constants, implied=implied).text(
        passage, question
    )
    assert symbols is not None and len(digits) >= 20 and not digits & {*text.ids}
    assert [(m.value, m.text, m.where, m.start, m.end) for m in text.mentions] == [
        (m.value, m.text, m.where, m.start, m.end) for m in plain.mentions
    ]
    for i, m in enumerate(text.mentions):
        source = {"passage": passage, "question": question}.get(m.where)
        kind = "plain" if source is None or m.implied else number_kind(source, m.start, m.end, m.value)
        assert m.span[0] == m.span[1] and text.ids[m.span[0]] == symbols.number(i, kind)
    added = sum(m.implied for m in text.mentions)
    assert len(text.ids) == len(text.types) == len(text.tokens) <= len(plain.ids) + added
    called = text
    for pair in [*text.candidates[:3], (0, len(text.mentions))]:
        if max(pair) < len(called.mentions) and (row := encoder.result(called, pair)) is not None:
            called = encoder.extended(called, pair, row)
    assert not digits & {*called.ids} and all(i >= 0 for i in called.ids)


def symbol_encoder(tokenizer: PreTrainedTokenizerFast) -> TextEncoder:
    return TextEncoder(
        tokenizer, Calculator(("+", "-", "*", "/")), 4096, 4, [Fraction(100)], symbols=SymbolIds(len(tokenizer), 6)
    )


def test_a_word_that_implies_a_number_stays_and_its_symbol_follows(tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = symbol_encoder(tokenizer)
    passage, question = "Anna has 5 pens. Carl has twice as many, two dozen.", "Who has half as many?"
    without = encoder.text(passage, question)
    encoder.implied = True
    text = encoder.text(passage, question)
    values = [m.value for m in text.mentions]
    assert values == [5, 2, 2, 12, 2, 100] and [m.implied for m in text.mentions] == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    kept = [i for i in range(len(text.ids)) if i not in [m.span[0] for m in text.mentions if m.implied]]
    renumbered = {m.span[0] for m in text.mentions}
    assert [text.ids[i] for i in kept if i not in renumbered] == [
        k for i, k in enumerate(without.ids) if i not in {m.span[0] for m in without.mentions}
    ]
    for m in text.mentions:
        if m.implied:
            before = text.tokens[m.span[0] - 1]
            source = question if m.where == "question" else passage
            assert before is not None and before.end == m.end and source[m.start : m.end] == m.text
            assert text.tokens[m.span[0]] is None and m.span[0] == m.span[1]
    assert len({text.ids[m.span[0]] for m in text.mentions}) == len(text.mentions)


def test_the_symbol_of_a_date_follows_its_own_numbers(tokenizer: PreTrainedTokenizerFast) -> None:
    encoder = symbol_encoder(tokenizer)
    encoder.implied = True
    text = encoder.text("It began on August 24, 1812 and ended on 3 May 1815.", "How long?")
    assert [(m.text, m.implied) for m in text.mentions] == [
        ("August 24, 1812", True), ("24", False), ("1812", False),
        ("3 May 1815", True), ("3", False), ("1815", False), ("100", False),
    ]  # fmt: skip
    first, _, year = (text.mentions[i].span[0] for i in range(3))
    assert first == year + 1 and text.tokens[first] is None
    assert len({m.span for m in text.mentions}) == len(text.mentions)


@pytest.fixture(scope="module")
def reader(make_reader: MakeReader) -> Reader:
    model, encoder = make_reader(**SETTINGS, operations=["+", "-", "/"], constants=["100", "0.5"])
    return Reader(never_stopping(model), encoder.tokenizer)


@settings(deadline=None, max_examples=25)
@given(passage=TEXT, question=TEXT.filter(lambda q: bool(q.strip())))
def test_no_digit_is_in_what_a_reader_shows(reader: Reader, passage: str, question: str) -> None:
    encoder = reader.text_encoder
    vocabulary, digits, symbols = len(encoder.tokenizer), with_digits(encoder), encoder.symbols
    [trace] = reader.trace_many([(passage, question)])
    view = reader.view([trace.shown])
    assert view.row is not None and symbols is not None
    for ids in (trace.shown.ids, trace.shown.called.ids, view.text.ids[0].tolist(), view.row[0].tolist()):
        assert not digits & {*ids} and max(ids, default=0) < vocabulary + (
            encoder.symbols.count if encoder.symbols else 0
        )


def test_long_numbers_make_a_text_no_longer(reader: Reader) -> None:
    short, long = ("Anna has 7 pens, Carl 5.", "Anna has " + "7" * 60 + " pens, Carl " + "5" * 60 + ".")
    one, two = (reader.text_encoder.text(passage, "Who has more?") for passage in (short, long))
    assert one.ids == two.ids and len(find_numbers(long)) == 2
    called = reader.call_many([(short, "Who has more?"), (long, "Who has more?")])
    assert len(called[0].calls) == len(called[1].calls) == 2 and len(called[0].ids) == len(called[1].ids)
    assert max(m.value for m in called[1].mentions) > 10**59


# -- what a reader knows of numbers --------------------------------------------------------------------------------
def test_only_the_signs_of_printed_results_change_what_is_read(make_reader: MakeReader) -> None:
    """Texts whose numbers give the same signs in every program get the same logits, bit by bit."""
    model, encoder = make_reader(**SETTINGS)
    reader = Reader(never_stopping(model), encoder.tokenizer)
    rng, groups = random.Random(0), {}
    everything = torch.tensor([[p for p in product(range(4), range(16))]])
    for _ in range(60):
        numbers = [rng.choice((10_000, 20_000, 70_000, 10**9, 10**20)) + rng.randrange(3) for _ in range(3)]
        passage = "Anna has {} pens. Carl has {} pens. Zoë gave {} pens to Carl.".format(*numbers)
        batch = collate_texts([encoder.text(passage, "Who has more: Anna or Carl?")], encoder)
        assert batch.numbers is not None and model.calls is not None
        run = model.calls.run(batch.numbers.values, everything)
        groups.setdefault(tuple(run.signs.flatten().tolist()), []).append((passage, batch))
    found = []
    assert len(groups) > 5 and max(map(len, groups.values())) > 3
    for group in groups.values():
        logits = []
        for passage, batch in group:
            p = model.programs(batch, model.views.choosing(batch.text))
            [trace] = reader.trace_many([(passage, "Who has more: Anna or Carl?")])
            read = model.log_probs(reader.view([trace.shown]))
            logits.append(torch.cat([p.log_prob(everything)[0], *read.start, *read.end]).detach())
            assert trace.pair is not None
        assert all(torch.equal(logits[0], other) for other in logits)
        found.append(logits[0])
    assert any(len(a) != len(b) or not torch.equal(a, b) for a, b in pairwise(found))


def test_a_number_is_its_symbol_and_its_kind(make_reader: MakeReader) -> None:
    model, encoder = make_reader(**SETTINGS)
    symbols, ids = model.symbols, encoder.symbols
    assert symbols is not None and ids is not None
    torch.nn.init.normal_(symbols.kinds)
    some = torch.tensor([5, ids.number(3, "year"), ids.result(1, 2), ids.sign("negative"), ids.opaque, -1])
    vectors = symbols(some)
    assert not vectors[0].any() and not vectors[-1].any()
    torch.testing.assert_close(vectors[1], symbols.numbers[3] + symbols.kinds[KINDS.index("year")])
    for vector, place in zip(vectors[2:5], (5, RESULTS + 1, RESULTS + len(SIGNS)), strict=True):
        assert torch.equal(vector, symbols.printed[place])


def test_new_symbols_look_like_digits_and_signs(make_reader: MakeReader) -> None:
    """To an encoder that has seen numbers: near the mean of the digits, and signs near `+`, `-`, `0` and [MASK]."""
    model, _ = make_reader(**SETTINGS)
    symbols, config = model.symbols, model.config
    assert symbols is not None
    embedding = model.embedding.detach()
    signs = torch.tensor([*(config.written_ids[c] for c in "+-0"), config.mask_id])
    torch.manual_seed(0)
    symbols.start(embedding, torch.tensor(config.digit_ids[0]), signs)
    spread, middle = float(embedding.std()), embedding[config.digit_ids[0]].mean(0)
    assert (symbols.numbers - middle).std().item() == pytest.approx(0.5 * spread, rel=0.1)
    assert (symbols.numbers.mean(0) - middle).abs().max() < 0.25 * spread
    of_signs = symbols.printed[RESULTS : RESULTS + len(SIGNS)]
    assert (of_signs - embedding[signs]).std().item() == pytest.approx(0.1 * spread, rel=0.25)
