"""Formats are recognised by content; a file that cannot be read gives one line that says what to do."""

import gzip
import json
import os
from pathlib import Path

import pytest

from anzan.tasks.fields import DataError
from anzan.tasks.formats import read_any

DATA = Path(__file__).parents[2].parent / "shared" / "data"

LINE = {"id": "mine", "passage": "Anna has 5 pens.", "question": "How many?", "answers": ["5"]}
PAIR = {"query_id": "drop", "question": "How many?", "answer": {"number": "5"}, "validated_answers": []}
ENTRY = {"passage": "Anna has 5 pens.", "qa_pairs": [PAIR]}

JSONL = json.dumps(LINE).encode()
DROP = json.dumps({"p_1": ENTRY}).encode()
SVAMP = b"Question,Numbers,Equation,Answer,Body,Ques\na number0 b number1 . c ?,5 2,+ number0 number1,7,Empty,c ?\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.txt"


@pytest.mark.parametrize(
    ("content", "id"),
    [
        (JSONL, "mine"),
        (b"\xef\xbb\xbf\r\n \n" + JSONL + b"\r\n\n", "mine"),
        (json.dumps({"meta": {"passage": "free"}} | LINE).encode(), "mine"),
        (json.dumps({"source": {"page": 1}} | LINE).encode(), "mine"),
        (json.dumps({"note": '"{', "meta": {}} | LINE).encode(), "mine"),
        (SVAMP, "svamp-data-1"),
        (b"\xef\xbb\xbf" + SVAMP.replace(b"\n", b"\r\n"), "svamp-data-1"),
        (b'"Numbers",Body,Ques,Equation,"Question",Answer\n5,,,number0,number0 ?,5\n', "svamp-data-1"),
        (DROP, "drop"),
        (b"\xef\xbb\xbf\n" + json.dumps({'a "p"': ENTRY}, indent=2).encode(), "drop"),
        (json.dumps({"p_1": dict(reversed(ENTRY.items()))}).encode(), "drop"),
        (gzip.compress(DROP, mtime=0), "drop"),
        (gzip.compress(JSONL, mtime=0), "mine"),
    ],
)
def test_content_tells_the_format(file: Path, content: bytes, id: str) -> None:
    file.write_bytes(content)
    assert [problem.id for problem in read_any(file)] == [id]
    assert read_any(str(file)) == read_any(file)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", ": the file is empty; "),
        (b" \n", ": the file is empty; "),
        (gzip.compress(b"", mtime=0), ": the file is empty; "),
        (b"Hello, world.\n", ": unknown format; give JSONL"),
        (b"id,text\n1,x\n", ": unknown format; "),
        (json.dumps([LINE]).encode(), ": unknown format; "),
        (bytes(range(256)) * 4, ": unknown format; "),
        ("{}".encode("utf-16"), ": unknown format; "),
        (gzip.compress(SVAMP, mtime=0), ": only JSON may be gzipped; "),
        (gzip.compress(JSONL, mtime=0)[:-9], ": the gzip file is damaged or cut off; "),
        (gzip.compress(DROP, mtime=0)[:12], ": the gzip file is damaged or cut off; "),
        (b"\x1f\x8bnot gzip", ": the gzip file is damaged or cut off; "),
        # The formats' own errors come through.
        (JSONL[:-1], ", line 1, JSON: "),
        (b'{"id": "x"}', ", line 1, passage: missing; "),
        (SVAMP.replace(b"5 2", b"5"), ", line 2, Numbers: "),
        (b"Question,Equation\n", ", line 1, no column Numbers, "),
        (DROP[:-9], ", JSON: "),
        (DROP.replace(b"drop", b""), ", passage 'p_1', question 1: no query_id; "),
    ],
)
def test_what_cannot_be_read(file: Path, content: bytes, fault: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_any(file)
    message = str(error.value)
    assert message.startswith(f"{file}{fault}") and "; " in message and "\n" not in message


@pytest.mark.parametrize("name", ["gone.jsonl", "gone/data.jsonl", "x" * 5000])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as error:
        read_any(tmp_path / name)
    assert str(error.value) == f"{tmp_path / name}: no such file; check the path"


def test_no_regular_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a regular file; "):
        read_any(tmp_path)


@pytest.mark.skipif(os.name == "nt" or getattr(os, "geteuid", int)() == 0, reason="the superuser may read everything")
def test_no_permission(file: Path) -> None:
    file.write_bytes(JSONL)
    file.chmod(0)
    with pytest.raises(DataError, match="Permission denied; "):
        read_any(file)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA}")
@pytest.mark.parametrize(
    ("name", "size"),
    [("svamp/dev.csv", 1000), ("drop/drop_comparison_official_format.json.gz", 3006)],
)
def test_the_real_files(name: str, size: int) -> None:
    assert len(read_any(DATA / name)) == size


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data in {DATA}")
@pytest.mark.parametrize("name", ["svamp/SVAMP.json", "drop/break_qdmr_dev.csv.gz"])
def test_real_files_of_other_formats(name: str) -> None:
    with pytest.raises(DataError) as error:
        read_any(DATA / name)
    assert str(DATA / name) in str(error.value)
