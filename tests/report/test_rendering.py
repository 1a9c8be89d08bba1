"""Answers and scores on a terminal, with and without colour."""

import io
import re
from fractions import Fraction

from rich.console import Console

from anzan.reader import Answer, Step
from anzan.reader.sequence import Mention
from anzan.report import answer_view, scores_table

PASSAGE = "Anna has 7 pens.\r\nCarl\x07 has [3] pens."
QUESTION = "How many more than 7?"


def mention(text: str, source: str, where: str = "passage") -> Mention:
    start = source.index(text)
    return Mention(Fraction(text), text, start, start + len(text), where, (0, 0))


def shown(answer: Answer, colour: bool = False, width: int = 80) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=colour, color_system="truecolor" if colour else None)
    console.print(answer_view(PASSAGE, QUESTION, answer, console))
    return file.getvalue()


STEP = Step((mention("7", PASSAGE), mention("3", PASSAGE)), "10 = 7 + 3 , 4 = 7 - 3 , - 4 = 3 - 7", "-")


def test_a_calculated_answer() -> None:
    text = shown(Answer("-4", Fraction(-4), "calculator", 0.876, steps=(STEP,)))
    assert "│  -4 " in text
    assert "Anna has [7] pens." in text
    assert "has [[3]] pens." in text  # brackets in the passage are kept
    assert "than 7?" in text  # another 7 than the argument
    assert "calculation  10 = 7 + 3 " in text
    assert "[- 4] = 3 - 7" in text
    assert " 4 = 7 - 3" in text
    assert "read off the calculator, confidence 87.6 %" in text


def test_each_operation_and_direction_is_told_apart() -> None:
    for operation, answer, line in (
        ("+", "10", "[10] = 7 + 3"),
        ("-", "4", "[4] = 7 - 3"),
        ("-", "-4", "[- 4] = 3 - 7"),
    ):
        step = Step(STEP.arguments, STEP.calculation, operation)
        text = shown(Answer(answer, Fraction(answer), "calculator", 1.0, steps=(step,)))
        assert line in text
        assert text.count("[") == 4
    twice = Step(STEP.arguments, "4 = 2 + 2 , 0 = 2 - 2 , 0 = 2 - 2 , 4 = 2 * 2", "*")
    assert "[4] = 2 * 2" in shown(Answer("4", Fraction(4), "calculator", 1.0, steps=(twice,)))
    zero = Step(STEP.arguments, twice.calculation, "-")
    assert shown(Answer("0", Fraction(0), "calculator", 1.0, steps=(zero,))).count("[0]") == 1


def test_an_answer_from_the_text_is_marked_in_colour() -> None:
    start = PASSAGE.index("Carl")
    step = Step(STEP.arguments, STEP.calculation)
    answer = Answer("Carl", None, "passage", 1.0, start, start + 4, (step,))
    assert "found in the passage" in shown(answer)
    assert "[4]" not in shown(answer)
    coloured = shown(answer, colour=True)
    assert "\x1b[1;32mCarl\x1b[0m" in coloured
    assert "\x1b[1;4;36m7\x1b[0m" in coloured
    assert "[7]" not in coloured


def test_silence() -> None:
    text = shown(Answer("", None, None, 0.0))
    assert "(no answer)" in text
    assert "calculation  none" in text


def test_narrow_terminals() -> None:
    for width in (20, 40, 80):
        lines = shown(Answer("-4", Fraction(-4), "calculator", 0.5, steps=(STEP,)), width=width).splitlines()
        assert max(map(len, lines)) <= width


def test_scores() -> None:
    group = {"f1": 50.0, "em": 25.0, "n": 4}
    metrics = {
        **group,
        "signed_em": 20.0,
        "by_kind": {"max": {**group}},
        "by_source": {"question": {**group, "share": 100.0}},
    }
    file = io.StringIO()
    Console(file=file, width=80).print(scores_table(metrics, "a [title]"))
    text = file.getvalue()
    assert "a [title], in percent" in text
    assert "from: question" in text and "4 (100 %)" in text
    assert " - " in text  # no argument accuracy
    assert "all variants right" not in text
    Console(file=file, width=80).print(scores_table(metrics | {"consistency": 12.5, "bundles": 8}, "t"))
    assert re.search(r"all variants right\W+12\.5\W+8", file.getvalue())
    assert "wrong arguments" not in file.getvalue()
    assert "free draw" not in file.getvalue()
    free = {"f1_free": 81.5, "em_free": 75.25, "argument_accuracy_free": 98.5, "n_free": 1000}
    Console(file=file, width=80).print(scores_table(metrics | free, "t"))
    assert re.search(r"free draw\W+81\.5\W+75\.2\W+-\W+98\.5\W+1,000", file.getvalue())
    Console(file=file, width=80).print(scores_table(metrics | {"spurious": 6.25}, "t"))
    assert re.search(r"right, wrong arguments\W+6\.2\W", file.getvalue())
