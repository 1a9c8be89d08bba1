"""Quantities as people write them: forms that occur in DROP or SVAMP, kind by kind, with their values read by hand."""

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from anzan.arithmetic import find_numbers
from anzan.tasks.drop_rows import read_drop_rows

DATA = Path(__file__).parents[3] / "shared" / "data"
DROP = DATA / "drop" / "drop_v0_dev.jsonl.gz"
SVAMP = DATA / "svamp" / "SVAMP.json"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data, which only its makers have")

QUANTITIES: dict[str, list[tuple[str, list[str]]]] = {
    "thousands separators": [
        ("33,306", ["33306"]),
        ("1,046 heavy bomber", ["1046"]),
        ("577,000", ["577000"]),
        ("11,050 BC", ["11050"]),
    ],
    "decimals": [
        ("0.07%", ["0.07"]),
        ("24.3", ["24.3"]),
        ("1.535 million", ["1535000"]),
        ("(32.8 ft)", ["32.8"]),
    ],
    "percentages": [
        ("43% in 1974", ["43", "1974"]),
        ("25,532 (73.2%)", ["25532", "73.2"]),
        ("98.2 percent", ["98.2"]),
        ("Ninety-five percent", ["95"]),
        ("(71.57%)", ["71.57"]),
    ],
    "currency": [
        ("$118,254", ["118254"]),
        ("\u00a3115 per week", ["115"]),
        ("US$71.9 billion", ["71900000000"]),
        ("$20 million", ["20000000"]),
        ("US$1228 million", ["1228000000"]),
    ],
    "digits with a scale": [
        ("3.6 million", ["3600000"]),
        ("1.34 billion", ["1340000000"]),
        ("12 million and 4.2 million", ["12000000", "4200000"]),
    ],
    "fractions": [
        ("two-thirds of", ["2/3"]),
        ("two thirds of", ["2/3"]),
        ("With 1/3 of", ["1/3"]),
        ("2/3rds of", ["2/3"]),
        ("less than half of", ["1/2"]),
        ("half a sack", ["1/2"]),
        ("seven tenths of", ["7/10"]),
        ("two and a half hours", ["5/2"]),
        ("three and a half minutes", ["7/2"]),
        ("2015/16", ["2015", "16"]),
        ("first half of", ["1"]),
        ("third quarter", ["3"]),
    ],
    "number words": [
        ("twenty-one tourists", ["21"]),
        ("thirty six brothers", ["36"]),
        ("Forty Years", ["40"]),
        ("hundred years later", ["100"]),
        ("eighty infantry", ["80"]),
    ],
    "ordinals": [
        ("16th century", ["16"]),
        ("49th in the world", ["49"]),
        ("twenty-second best", ["22"]),
        ("29th global rank", ["29"]),
        ("seventh", ["7"]),
    ],
    "ranges": [
        ("1917-1918", ["1917", "1918"]),
        ("(2014\u201315)", ["2014", "15"]),
        ("(1980-88, 1991)", ["1980", "88", "1991"]),
        ("1920s-1950s", ["1920", "1950"]),
    ],
    "years": [
        ("1960s and 1970s", ["1960", "1970"]),
        ("mid-1980s", ["1980"]),
        ("'60s", ["60"]),
        ("1947 63.5%", ["1947", "63.5"]),
    ],
    "scores": [
        ("27-20", ["27", "20"]),
        ("a 5-2 score", ["5", "2"]),
        ("(7-0 PIT)Q1", ["7", "0"]),
        ("at 4-3.", ["4", "3"]),
        ("(16 for 34", ["16", "34"]),
    ],
    "dates and times": [
        ("January 1, 2010", ["1", "2010"]),
        ("28 November 1778", ["28", "1778"]),
        ("(b. June 3, 1576)", ["3", "1576"]),
        ("Jan 3, 1563/4)", ["3", "1563", "4"]),
        ("8:53", ["8", "53"]),
    ],
    "signs": [
        ("\u22120.8, then \u22121.0", ["-0.8", "-1"]),
        ("-0.33% in 2007", ["-0.33", "2007"]),
        ("of \u22129.7%", ["-9.7"]),
    ],
}
CASES = [
    pytest.param(form, values, id=f"{kind}: {form}") for kind, forms in QUANTITIES.items() for form, values in forms
]


@pytest.mark.parametrize(("form", "values"), CASES)
def test_a_quantity(form: str, values: list[str]) -> None:
    assert [n.value for n in find_numbers(form)] == [Fraction(v) for v in values]


@needs_data
def test_the_forms_occur_in_the_data() -> None:
    text = "\n".join(p.passage for p in read_drop_rows(DROP))
    assert not [form for forms in QUANTITIES.values() for form, _ in forms if form not in text]


@needs_data
def test_operands_of_drop_differences_are_found() -> None:
    """98 % at least, against operands annotated by reading; 298 of 302 when this was written.

    The four that fail are one question about millions, `$780 million`, whose annotation leaves the scale out.
    """
    problems = {p.id: p for p in read_drop_rows(DROP)}
    annotated = json.loads((Path(__file__).parent / "drop_difference_operands.json").read_text())["questions"]
    found, all_found = [], []
    for line, why_not, operands in annotated:
        problem = problems[str(line)]
        texts = {"passage": problem.passage, "question": problem.question}
        places = {(where, n.start, n.end) for where, text in texts.items() for n in find_numbers(text)}
        hits = [(where, start, end) in places for where, start, end in operands]
        found += hits
        if not why_not:
            all_found.append(all(hits))
    assert len(found) == 302 and len(all_found) == 126
    assert sum(found) / len(found) >= 0.98
    assert all(all_found)


@needs_data
def test_operands_of_svamp_are_found() -> None:
    """98 % at least of the numbers in the equations, constants too; 2,235 of 2,236, and the other is in no text."""
    found = []
    for problem in json.loads(SVAMP.read_text(encoding="utf-8")):
        values = [n.value for n in find_numbers(f"{problem['Body']} {problem['Question']}")]
        found += [Fraction(number) in values for number in re.findall(r"[0-9.]+", problem["Equation"])]
    assert len(found) == 2236
    assert sum(found) / len(found) >= 0.98
