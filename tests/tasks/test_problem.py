"""Data lines: exact values, round trips, and errors that say where and how to fix them."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anzan.tasks.fields import DataError
from anzan.tasks.problem import Problem, read_problems, scan_problems, write_problems

LINE = {"id": "1", "passage": "Anna has 5 pens.", "question": "How many?", "answers": ["5"]}


def write(path: Path, *lines: object) -> Path:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def read_one(path: Path, **changes: object) -> Problem:
    (problem,) = read_problems(write(path, LINE | changes))
    return problem


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.jsonl"


def test_the_least_line(file: Path) -> None:
    assert read_one(file) == Problem("1", "Anna has 5 pens.", "How many?", (("5",),))


def test_answers(file: Path) -> None:
    assert read_one(file, answers=["5", ["Anna", "Carl"]]).answers == (("5",), ("Anna", "Carl"))


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        ("[5, 2]", [[5, 2]]),
        ("[[5, 2], [3, 1]]", [[5, 2], [3, 1]]),
        ("[[5, 2]]", [[5, 2]]),
        ("[0.1, -2.50]", [[Fraction(1, 10), Fraction(-5, 2)]]),
        ('["0.1", "1/3", "-7"]', [[Fraction(1, 10), Fraction(1, 3), -7]]),
        ("[1e3, 12345678901234567890.5]", [[1000, Fraction(24691357802469135781, 2)]]),
        ("null", None),
    ],
)
def test_arguments_are_exact(file: Path, written: str, steps: list | None) -> None:
    line = json.dumps(LINE)[:-1] + f', "arguments": {written}}}'
    (problem,) = read_problems(write(file, line))
    assert problem.arguments == (steps and tuple(map(tuple, steps)))
    assert all(type(value) is Fraction for step in problem.arguments or () for value in step)


def test_values_are_written_so_that_every_reader_gets_them_back(file: Path) -> None:
    values = [Fraction(text) for text in ("7", "-7", "9007199254740991", "9007199254740992", "1/10", "-1/40", "1/3")]
    write_problems([Problem("1", "", "", (("",),), arguments=(tuple(values),))], file)
    written = [7, -7, 9007199254740991, "9007199254740992", "0.1", "-0.025", "1/3"]
    assert json.loads(file.read_text())["arguments"] == written


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
KEYS = TEXT.filter(lambda key: key not in ("mentions", "bundle", "others"))  # these have forms of their own
PROBLEMS = st.builds(
    Problem,
    id=TEXT,
    passage=TEXT,
    question=TEXT,
    answers=st.lists(st.lists(TEXT, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple),
    arguments=st.none()
    | st.lists(st.lists(st.fractions(), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple),
    kind=st.none() | TEXT,
    meta=st.dictionaries(KEYS, st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.lists(TEXT)),
)


@settings(max_examples=40, deadline=None)
@given(problems=st.lists(PROBLEMS, max_size=3))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, problems: list[Problem]) -> None:
    file = tmp_path_factory.mktemp("round") / "trip.jsonl"
    write_problems(problems, file)
    assert read_problems(file) == problems
    assert file.read_bytes().count(b"\n") == len(problems)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": 7}, "id: found a number, not a string"),
        ({"passage": None}, "passage: found null"),
        ({"question": ["x"]}, "question: found a list"),
        ({"passage": "\ud800"}, "passage: lone surrogate at character 1"),
        ({"answers": "5"}, "answers: found a string"),
        ({"answers": []}, "answers: found an empty list"),
        ({"answers": [[]]}, "answers: an alternative without spans"),
        ({"answers": [5]}, "answers: found a number"),
        ({"arguments": 5}, "arguments: found a number"),
        ({"arguments": []}, "arguments: found an empty list"),
        ({"arguments": [[5], 5]}, "arguments: values and lists are mixed"),
        ({"arguments": [[5], []]}, "arguments: a step without values"),
        ({"arguments": [True]}, "arguments: found true or false"),
        ({"arguments": ["five"]}, "arguments: 'five' is not a value"),
        ({"arguments": ["1/0"]}, "arguments: '1/0' is not a value"),
        ({"arguments": ["nan"]}, "arguments: NaN is not a finite value"),
        ({"arguments": ["-Infinity"]}, "arguments: -Infinity is not a finite value"),
        ({"arguments": ["1e999999999"]}, "arguments: a value has too many digits"),
        ({"arguments": [10**1000]}, "arguments: a value has too many digits"),
        ({"arguments": [float("nan")]}, "JSON: NaN is not a number"),
        ({"kind": 1}, "kind: found a number"),
        ({"meta": []}, "meta: found an empty list"),
        ({"meta": {"mentions": []}}, "meta.mentions: 0 mentions do not match"),
        ({"meta": {"mentions": 1}}, "meta.mentions: found a number"),
        ({"meta": {"bundle": ["q"]}}, "meta.bundle: found a list"),
        ({"meta": {"others": "q"}}, "meta.others: found a string, not a list"),
        ({"meta": {"others": ["q"]}}, "meta.others: contains a string, not an object"),
        ({"meta": {"others": [{"passage": "q", "question": "q"}]}}, "answers: missing"),
        ({"arguments": [5], "meta": {"mentions": [{"where": "title"}]}}, "meta.mentions: a mention without"),
        (
            {"arguments": [5], "meta": {"mentions": [{"where": "passage", "start": 9, "end": 99}]}},
            "meta.mentions: no text from 9 to 99 in the passage",
        ),
    ],
)
def test_errors_name_file_line_field_and_fix(file: Path, changes: dict, field: str) -> None:
    write(file, LINE, "", LINE | changes, LINE)
    with pytest.raises(DataError) as error:
        read_problems(file)
    message = str(error.value)
    assert message.startswith(f"{file}, line 3, {field}")
    assert "; " in message and "\n" not in message


def test_all_bad_lines_are_told_and_the_good_ones_counted(file: Path) -> None:
    write(file, LINE, LINE | {"answers": []}, LINE, LINE | {"passage": 5}, LINE)
    with pytest.raises(
        DataError, match=r"^[^\n]*line 2, answers: .* \(1 more cannot be used; good lines: 3\)$"
    ) as error:
        read_problems(file)
    assert [fault.split(":")[0] for fault in error.value.faults] == [
        f"{file}, line 2, answers",
        f"{file}, line 4, passage",
    ]


@pytest.mark.parametrize("name", ["id", "passage", "question", "answers"])
def test_missing_fields(file: Path, name: str) -> None:
    write(file, {key: value for key, value in LINE.items() if key != name})
    with pytest.raises(DataError, match=f"line 1, {name}: missing; "):
        read_problems(file)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"id": ', "JSON: Expecting value at character"),
        (b"[1]", "line: found a list, not an object"),
        (b'{"id": "\xff"}', "text: byte 9 is not UTF-8"),
        (b"[" * 100_000, "JSON: nested too deeply"),
        (b'{"id": 1' + b"0" * 5000 + b"}", "JSON: a number has too many digits"),
    ],
)
def test_a_bad_line_is_not_the_end_of_the_file(file: Path, line: bytes, fault: str) -> None:
    good = json.dumps(LINE).encode()
    file.write_bytes(b"\xef\xbb\xbf" + good + b"\r\n" + line + b"\n" + good)
    numbers, items = zip(*scan_problems(file), strict=True)
    assert numbers == (1, 2, 3)
    assert items[0] == items[2] == read_one(file)
    assert f"line 2, {fault}" in str(items[1])


def test_meta_is_free_and_other_keys_are_ignored(file: Path) -> None:
    meta = {"a": [0.1, 1e3, {"b": None}], "mentions": None}
    problem = read_one(file, meta=meta, title="x")
    assert problem.meta == meta
    assert type(problem.meta["a"][0]) is float


def test_a_failed_write_leaves_the_old_file(file: Path) -> None:
    write_problems([Problem("1", "", "", (("",),))], file)
    before = file.read_bytes()
    with pytest.raises(ValueError):
        write_problems([Problem("2", "", "", (("",),), meta={"x": float("nan")})], file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_link_stays_a_link(file: Path) -> None:
    link = file.with_name("link.jsonl")
    link.symlink_to(file)
    write_problems([Problem("1", "", "", (("",),))], link)
    assert link.is_symlink() and len(read_problems(file)) == 1
