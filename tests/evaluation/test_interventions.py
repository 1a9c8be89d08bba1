"""Interventions: what each one changes of what the reader sees, and what it keeps."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from anzan.evaluation.interventions import (
    LABELS,
    as_printed,
    blanked,
    exchanged_operands,
    other_results,
    random_arguments,
    wrong_results,
)
from anzan.reader.reader import Reader
from anzan.reader.sequence import Row, Text
from anzan.training import ModelSettings, new_model

PASSAGE = "Anna has 5,903,204 pens. Carl has 12 pens and Zoë has -3.5."
QUESTION = "Who has more pens: Anna or Carl?"


@pytest.fixture(scope="module")
def reader(random_encoder: Path) -> Reader:
    torch.manual_seed(0)
    model, tokenizer = new_model(ModelSettings(encoder=str(random_encoder)))
    return Reader(model, tokenizer)


@pytest.fixture(scope="module")
def called(reader: Reader) -> Text:
    """The text with the calculator called on 12 and -3.5."""
    text = reader.text_encoder.text(PASSAGE, QUESTION)
    row = reader.text_encoder.result(text, (1, 2))
    assert row is not None
    return reader.text_encoder.extended(text, (1, 2), row)


def numbers(row: Row, operands: bool) -> list[object]:
    return [value for value, _, operation in row.fields if (operation is None) is operands]


def test_names_are_identifiers_and_every_one_has_a_label(reader: Reader) -> None:
    made = [
        as_printed(),
        blanked(),
        random_arguments(reader.text_encoder, random.Random(0)),
        other_results([], []),
        wrong_results(reader.text_encoder),
        exchanged_operands(reader.text_encoder),
    ]
    assert [each.name for each in made] == list(LABELS) and all(name.isidentifier() for name in LABELS)
    assert [each.label for each in made] == list(LABELS.values())


def test_what_is_printed_and_what_is_blanked(reader: Reader, called: Text) -> None:
    [plain], [without] = as_printed().read(reader, [called]), blanked().read(reader, [called])
    assert plain == next(reader.read_many([called])) and plain.row == called.calls[0].row
    assert without.row is None and without.shown.ids == called.uncalled.ids


def test_wrong_results_keep_operands_and_signs(reader: Reader, called: Text) -> None:
    row = called.calls[0].row
    override = wrong_results(reader.text_encoder, seed=3).override
    assert override is not None
    printed = override(called.uncalled, row.printed)
    assert printed is not None
    changed = reader.text_encoder.row(printed)
    assert changed is not None
    assert numbers(changed, operands=True) == numbers(row, operands=True)
    assert numbers(changed, operands=False) != numbers(row, operands=False)
    signs = [[c for c in each.printed.text if not c.isdigit()] for each in (row, changed)]
    assert signs[0] == signs[1] and len(changed.printed.text) == len(row.printed.text)
    shown = [wrong_results(reader.text_encoder, seed).read(reader, [called])[0].row for seed in (3, 4)]
    assert shown[0] == changed != shown[1]


def test_exchanged_operands_print_the_calculation_the_other_way_round(reader: Reader, called: Text) -> None:
    features, mentions = reader.text_encoder, called.mentions
    [shown] = exchanged_operands(features).read(reader, [called])
    assert shown.row == features.row(features.calculator(mentions[2].value, mentions[1].value))
    assert shown.pair == (1, 2)


def test_random_arguments_reach_every_pair(reader: Reader, called: Text) -> None:
    intervention = random_arguments(reader.text_encoder, random.Random(0))
    traces = intervention.read(reader, [called] * 50)
    assert {trace.pair for trace in traces} == {(0, 1), (0, 2), (1, 2)}
    for trace in traces:
        assert trace.pair is not None and trace.row == reader.text_encoder.result(called.uncalled, trace.pair)


def test_other_results_are_shown_for_one_call_only(reader: Reader, called: Text) -> None:
    features = reader.text_encoder
    other, own = features.result(called.uncalled, (0, 1)), called.calls[0].row
    assert other is not None
    twice = features.extended(called, (0, 3), features.result(called, (0, 3)) or own)
    for text, call in ((called, 0), (twice, 1)):
        [shown], [kept] = (other_results([text], [p], call).read(reader, [text]) for p in (other.printed, None))
        assert shown.row == other and kept.row == text.calls[-1].row
    assert [call.row for call in shown.text.calls] == [own]
    elsewhere = reader.text_encoder.text("Anna has 5 pens.", "How many?")
    assert other_results([elsewhere], [other.printed]).read(reader, [called])[0].row == own


def test_scores_and_interventions_load_no_torch() -> None:
    code = (
        "import sys; from anzan.evaluation import drop_em_f1, evaluate_predictions, interventions; "
        "interventions.blanked(); sys.exit(bool({'torch', 'transformers', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
