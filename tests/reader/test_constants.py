"""Constants: numbers that the calculator may be given although no text has them."""

from fractions import Fraction
from itertools import combinations

import pytest
from readers import MakeReader
from transformers import PreTrainedTokenizerFast

from anzan.arithmetic.calculator import Calculator
from anzan.reader.batch import collate_examples, collate_texts
from anzan.reader.config import CalculatorReaderConfig
from anzan.reader.encode import Features
from anzan.reader.reader import Reader

PASSAGE, QUESTION = "48.5 percent are Irish.", "How many percent are not Irish, of 100?"
CONSTANTS = [Fraction(100), Fraction(1, 2), Fraction(-7)]


def test_they_stand_behind_the_passage_and_are_nobodys_words(bert_tokenizer: PreTrainedTokenizerFast) -> None:
    plain = Features(bert_tokenizer, Calculator()).text(PASSAGE, QUESTION)
    text = Features(bert_tokenizer, Calculator(), constants=CONSTANTS).text(PASSAGE, QUESTION)
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
    batch = collate_texts([text], 0)
    assert not batch["span_mask"][0, n:].any() and (batch["number_digits"][0, n:] == -1).all()


def test_they_pair_with_the_text_but_not_with_each_other(bert_tokenizer: PreTrainedTokenizerFast) -> None:
    features = Features(bert_tokenizer, Calculator(), constants=CONSTANTS)
    example = features.example(PASSAGE, QUESTION, [["51.5"]], gold=[Fraction(97, 2), Fraction(100)])
    assert example.text.candidates == [pair for pair in combinations(range(5), 2) if pair[0] < 2]
    printed = {pair: row.printed.text for pair, row in zip(example.text.candidates, example.rows, strict=True) if row}
    assert printed[0, 2] == printed[0, 1] == "148.5 = 48.5 + 100 , - 51.5 = 48.5 - 100 , 51.5 = 100 - 48.5"
    assert [p for p, ok in zip(example.text.candidates, example.acceptable, strict=True) if ok] == [(0, 1), (0, 2)]
    # The answer 100 stands in the question alone.
    assert features.example(PASSAGE, QUESTION, [["100"]]).text_spans == [example.text.mentions[1].span]


@pytest.mark.parametrize("calls", [1, 2])
def test_a_reader_with_constants(make_reader: MakeReader, calls: int) -> None:
    """Trains, saves, loads and answers; JSON gives them no place in the user's text."""
    model, features = make_reader(
        constants=["100", "-1/2"], calls=calls, objective="unordered-set", samples=2, argument_loss="marginal"
    )
    assert features.constants == (Fraction(100), Fraction(-1, 2))
    example = features.example("48.5 percent are Irish.", "How many are not?", [["51.5"]])
    model.train()
    batch = collate_examples([example], features.pad)
    loss = model(**batch, examples=[example]).loss
    loss.backward()
    assert loss.isfinite()
    answer = Reader(model, features).ask("48.5 percent are Irish.", "How many are not?").to_json()
    (first, second) = answer["steps"][0]["arguments"]
    assert (first["where"], first["start"], first["end"]) == ("passage", 0, 4)
    assert second["where"] == "constant" and second["start"] is second["end"] is None
    assert second["text"] in ("100", "-0.5")


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^constants: 'pi' is not a number; write such as 100"):
        CalculatorReaderConfig(constants=["pi"])
