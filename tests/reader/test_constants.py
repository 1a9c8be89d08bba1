"""Constants: numbers that the calculator may use although no text has them."""

from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from readers import MakeReader, never_stopping
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic.calculator import Calculator
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import make_example
from anzan.reader.reader import Reader

PASSAGE, QUESTION = "48.5 percent are Irish.", "How many percent are not Irish, of 100?"
CONSTANTS = [Fraction(100), Fraction(1, 2), Fraction(-7)]


def test_they_follow_the_passage_and_are_nobodys_words(bert_tokenizer: PreTrainedTokenizerFast) -> None:
    plain = TextEncoder(bert_tokenizer, Calculator()).text(PASSAGE, QUESTION)
    text = TextEncoder(bert_tokenizer, Calculator(), constants=CONSTANTS).text(PASSAGE, QUESTION)
    n = len(plain.ids)
    assert text.ids[:n] == plain.ids and text.tokens[:n] == plain.tokens and text.mentions[:2] == plain.mentions
    written = bert_tokenizer.convert_ids_to_tokens(text.ids[n:])
    assert written == ["1", "##0", "##0", "0", ".", "5", "-", "7", "[SEP]"]
    assert text.types[n:] == [1] * 9 and text.tokens[n:] == [None] * 9
    assert [(m.value, m.where, m.span) for m in text.mentions[2:]] == [
        (Fraction(100), "constant", (n, n + 2)),
        (Fraction(1, 2), "constant", (n + 3, n + 5)),
        (Fraction(-7), "constant", (n + 6, n + 7)),
    ]
    batch = collate_texts([text], TextEncoder(bert_tokenizer, Calculator(), constants=CONSTANTS))
    assert not batch.text.answerable[0, n:].any()


def test_they_pair_with_the_text_but_not_with_each_other(bert_tokenizer: PreTrainedTokenizerFast) -> None:
    text_encoder = TextEncoder(bert_tokenizer, Calculator(), constants=CONSTANTS)
    example = make_example(text_encoder, PASSAGE, QUESTION, [["51.5"]], gold=[Fraction(97, 2), Fraction(100)])
    assert example.text.candidates == [pair for pair in combinations(range(5), 2) if pair[0] < 2]
    printed = {pair: row.printed.text for pair, row in zip(example.text.candidates, example.rows, strict=True) if row}
    assert printed[0, 2] == printed[0, 1] == "148.5 = 48.5 + 100 , - 51.5 = 48.5 - 100 , 51.5 = 100 - 48.5"
    assert [p for p, ok in zip(example.text.candidates, example.acceptable, strict=True) if ok] == [(0, 1), (0, 2)]
    # The answer 100 is in the question alone.
    assert make_example(text_encoder, PASSAGE, QUESTION, [["100"]]).text_spans == [example.text.mentions[1].span]


@pytest.mark.parametrize("settings", [{}, {"numbers": "symbols"}, {"numbers": "symbols", "calls": 2}])
def test_a_reader_with_constants(make_reader: MakeReader, settings: dict[str, Any]) -> None:
    """Trains, saves, loads and answers; JSON gives them no place in the user's text."""
    model, text_encoder = make_reader(
        constants=["100", "-1/2"],
        **settings,
        choice={"objective": "unordered-set", "options": {"samples": 2}},
        supervision={"argument_loss": "marginal"},
    )
    assert text_encoder.constants == (Fraction(100), Fraction(-1, 2))
    example = make_example(text_encoder, "48.5 percent are Irish.", "How many are not?", [["51.5"]])
    model.train()
    loss = model(collate_examples([example], text_encoder)).loss
    loss.backward()
    assert loss.isfinite()
    answer = (
        Reader(never_stopping(model), text_encoder.tokenizer)
        .ask("48.5 percent are Irish.", "How many are not?")
        .to_json()
    )
    (first, second) = answer["steps"][0]["arguments"]
    assert (first["where"], first["start"], first["end"]) == ("passage", 0, 4)
    assert second["where"] == "constant" and second["start"] is second["end"] is None
    assert second["text"] in ("100", "-0.5")
