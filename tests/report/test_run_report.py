"""The report of a training run: complete, escaped, wrong answers first."""

import re
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from anzan.evaluation import Observed, audit
from anzan.evaluation.interventions import AS_PRINTED, BLANKED
from anzan.presets import load_config
from anzan.reader import Answer, Step
from anzan.reader.sequence import Mention
from anzan.report import write_report
from anzan.tasks.problem import Problem

RESULT: dict[str, Any] = {
    "experiment": "table3", "cell": "<plain>", "recipe": "paper", "scale": "laptop", "encoder": "anzan-tiny",
    "parameters": 1234567, "seed": 3, "train_size": 20000, "train_steps": 1250, "train_s": 61.5, "device": "CPU",
    "commit": "abc", "command": "anzan train demo", "dev_metrics": {},
    "metrics": {"f1": 75.0, "em": 50.0, "signed_em": 50.0, "argument_accuracy": 25.0, "n": 30,
                "by_kind": {"max": {"f1": 12.5, "em": 0.0, "signed_em": 0.0, "n": 8}}},
    "config": load_config("demo").to_dict(),
}  # fmt: skip
PASSAGE = "Anna has 5 <b>pens</b>. Carl has 9."


def answer(text: str) -> Answer:
    five = Mention(Fraction(5), "5", 9, 10, "passage", (0, 0))
    nine = Mention(Fraction(9), "9", PASSAGE.index("9"), PASSAGE.index("9") + 1, "passage", (0, 0))
    return Answer(text, None, "calculator", 0.5, steps=(Step((five, nine), "14 = 5 + 9", "+"),))


class Tags(HTMLParser):
    """Checks that every tag is closed by its own kind."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "link", "br", "hr", "img"):
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


@pytest.fixture
def page(tmp_path: Path) -> str:
    (tmp_path / "curves.png").write_bytes(b"\x89PNG picture")
    problems = [Problem(str(i), PASSAGE, f"How many, {i}?", (("14",),)) for i in range(30)]
    answers = [answer("14" if i % 10 else f"<i>{i}</i>") for i in range(30)]
    found = audit({AS_PRINTED: Observed(["a"] * 4, [1, 1, 1, 0]), BLANKED: Observed(["a"] * 4, [1, 1, 1, 0])})
    write_report(RESULT, tmp_path / "curves.png", found, problems, answers, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_is_complete_and_self_contained(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert not tags.stack and tags.seen.count("img") == 1
    assert not re.search(r'(?:src|href)="(?!data:)', page) and "http" not in page
    for part in (
        "1,234,567",
        "1,250 steps",
        "anzan train demo",
        "Is the tool used? UNDECIDED",
        "score falls: blanked",
        "learning_rate",
    ):
        assert part in page


def test_text_of_the_data_is_escaped(page: str) -> None:
    assert "<b>pens" not in page and "&lt;b&gt;pens" in page
    assert "<i>0" not in page and "&lt;i&gt;0" in page
    assert "<title>table3: &lt;plain&gt;</title>" in page


def test_twenty_answers_wrong_ones_first_with_their_calculations(page: str) -> None:
    shown = re.findall(r"How many, (\d+)\?", page)
    assert shown[:3] == ["0", "10", "20"] and len(shown) == len(set(shown)) == 20
    assert page.count('<b class="wrong">') == 3
    assert page.count("<mark>5</mark>") == page.count("<mark>9</mark>") == page.count("14 = 5 + 9") == 20
    assert page.index("12.5") < page.index("How many, 0?")
