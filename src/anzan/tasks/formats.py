"""Reading a file of problems in any format, recognised by its content."""

from __future__ import annotations

import csv
import os
import re
from typing import Any

from anzan.tasks.asdiv import ROOT, read_asdiv
from anzan.tasks.drop import read_drop
from anzan.tasks.drop_rows import HUB, is_drop_row, load_hub, read_drop_rows
from anzan.tasks.fields import GZIP_MAGIC, DataError, opened, scan_lines
from anzan.tasks.gsm8k import is_gsm8k_row, read_gsm8k
from anzan.tasks.problem import Problem, read_problems
from anzan.tasks.svamp import read_svamp
from anzan.tasks.worlds.splits import WORLDS, load_worlds

# The first member decides: in DROP's file it is an object for a passage. In a data line only `meta` may be an object.
_DROP = re.compile(r'\{\s*"(?!meta")(?:[^"\\]|\\.)*"\s*:\s*\{\s*"(?:passage|qa_pairs|wiki_url)"')
_HEAD = 1 << 16


def read_any(path: str | os.PathLike[str]) -> list[Problem]:
    """Read the problems of a file in any of these formats, recognised by content:

    - JSONL with one problem per line (`anzan.tasks.problem`);
    - DROP's JSON (`anzan.tasks.drop`);
    - DROP with one question per row, as JSONL (`anzan.tasks.drop_rows`);
    - SVAMP's CSV (`anzan.tasks.svamp`);
    - GSM8K's JSONL (`anzan.tasks.gsm8k`);
    - ASDiv's XML (`anzan.tasks.asdiv`).

    JSON may be gzipped. Names that are not files: `worlds:SPLIT:SIZE` draws everyday text (`anzan.tasks.worlds`),
    and `hub:NAME` or `hub:NAME:SPLIT` is a data set on the Hugging Face hub in one of DROP's layouts, such as
    `hub:EleutherAI/drop:train`.

    Raises:
        DataError: A file that is missing, cannot be opened, has another format or contains data that cannot be used.
    """
    name = os.fspath(path)
    if name.startswith(WORLDS):
        return load_worlds(name)
    if name.startswith(HUB):
        return load_hub(name)
    if not os.path.exists(name):
        raise DataError(f"{name}: no such file; check the path")
    if not os.path.isfile(name):  # a pipe could not be read twice
        raise DataError(f"{name}: not a regular file; give the path of one")
    try:
        return _read(name)
    except OSError as error:
        raise DataError(f"{name}: {error.strerror or error}; make it readable or give another file") from None


def _read(name: str) -> list[Problem]:
    head, zipped = _head(name)
    if not head:
        raise DataError(f"{name}: the file is empty; give one with problems in it")
    if _DROP.match(head):
        return read_drop(name)
    if head.startswith("{"):
        first = _first(name)
        read = read_drop_rows if is_drop_row(first) else read_gsm8k if is_gsm8k_row(first) else read_problems
        return read(name)
    if head.startswith("<") and ROOT in head and not zipped:
        return read_asdiv(name)
    if not {"Question", "Equation"} <= set(next(csv.reader(head.splitlines()[:1]))):
        raise DataError(
            f"{name}: unknown format; give JSONL with one object per line (id, passage, question, answers), "
            "DROP's JSON, SVAMP's CSV, GSM8K's JSONL or ASDiv's XML"
        )
    if zipped:
        raise DataError(f"{name}: only JSON may be gzipped; unpack the file with gunzip")
    return read_svamp(name)


def _first(name: str) -> Any:
    """The first line that is not blank, decoded; None if it is not JSON."""
    line = next((item for _, item in scan_lines(name, lambda record: record)), None)
    return None if isinstance(line, DataError) else line


def _head(name: str) -> tuple[str, bool]:
    """The beginning of the file without leading white space, and whether it is gzipped."""
    with open(name, "rb") as file:
        zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    with opened(name) as file:
        return file.read(_HEAD).decode("utf-8-sig", errors="replace").lstrip(), zipped
