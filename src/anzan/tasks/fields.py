"""Checked fields of decoded JSON, with one-line errors: what is wrong, where, and how to fix it."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, BinaryIO, NoReturn, TypeVar, cast

from anzan.errors import AnzanError

T = TypeVar("T")

GZIP_MAGIC = b"\x1f\x8b"

# Exact arithmetic needs a bound: 1e999999999 is nine characters in a file and a gigabyte as a fraction.
MAX_VALUE_DIGITS = 1000


class DataError(AnzanError):
    """Data that cannot be used. The message is one line that names the file, the line number, the field and the fix.

    If several lines are bad, the message is about the first one and counts the bad and the good ones.

    Attributes:
        faults: One such message per bad line.
    """

    def __init__(self, message: str, faults: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.faults = list(faults)


def scan_lines(path: str | os.PathLike[str], build: Callable[[Any], T]) -> Iterator[tuple[int, T | DataError]]:
    """Yield (line number from 1, what `build` returns or what is wrong) for each JSONL line that is not blank.

    The file may be gzipped.

    Raises:
        DataError: A damaged gzip file.
        OSError: The file cannot be opened.
    """
    # Bytes, so that a line that is not UTF-8 is one bad line rather than the end of the file.
    with opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                yield number, build(_load(line))
            except FieldError as error:
                yield number, DataError(f"{os.fspath(path)}, line {number}, {error}")


def all_good(scanned: Iterable[tuple[int, T | DataError]], unit: str = "lines") -> list[tuple[int, T]]:
    """Everything scanned, provided all of it can be used.

    Raises:
        DataError: Anything that cannot be used; lists all faults.
    """
    good: list[tuple[int, T]] = []
    faults: list[str] = []
    for number, item in scanned:
        if isinstance(item, DataError):
            faults.append(str(item))
        else:
            good.append((number, item))
    if faults:
        more = f"{len(faults) - 1:,} more cannot be used; " if len(faults) > 1 else ""
        raise DataError(f"{faults[0]} ({more}good {unit}: {len(good):,})", faults)
    return good


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, decompressed if it is gzipped.

    Raises:
        DataError: A damaged gzip file.
        OSError: The file cannot be opened.
    """
    with open(path, "rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    try:
        with cast(BinaryIO, gzip.open(path)) if zipped else open(path, "rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError(f"{os.fspath(path)}: the gzip file is damaged or cut off; get it again") from None


class FieldError(AnzanError):
    """A field that cannot be used: its name, what is wrong, and how to fix it."""


def fail(name: str, fault: str, fix: str) -> NoReturn:
    """Raise FieldError for a field: its name, what is wrong, and how to fix it."""
    raise FieldError(f"{name}: {fault}; {fix}")


def _load(line: bytes) -> Any:
    def constant(name: str) -> NoReturn:
        fail("JSON", f"{name} is not a number", "leave the line out or give the number")

    try:
        # Decimal keeps 0.1 exact.
        return json.loads(line.decode("utf-8"), parse_float=Decimal, parse_constant=constant)
    except UnicodeDecodeError as error:
        fail("text", f"byte {error.start + 1} is not UTF-8", "save the file as UTF-8")
    except json.JSONDecodeError as error:
        fail("JSON", f"{error.msg} at character {error.pos + 1}", "write one JSON object per line")
    except RecursionError:
        fail("JSON", "nested too deeply", "write one flat JSON object per line")
    except FieldError:
        raise
    except ValueError:  # Python limits the digits of an int
        fail("JSON", "a number has too many digits", f"use at most {MAX_VALUE_DIGITS}")


def text(record: Mapping[str, Any], name: str) -> str:
    """A required field, as text."""
    if name not in record:
        fail(name, "missing", f"add {name!r} as a string")
    return string(record[name], name)


def string(value: Any, name: str) -> str:
    """A value that must be text, without lone surrogates."""
    if not isinstance(value, str):
        fail(name, f"found {describe(value)}, not a string", "put it in double quotes")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:  # "\ud800" is valid JSON but not text, and tokenizers raise on it
        fail(name, f"lone surrogate at character {error.start + 1}", "remove it or write the whole pair")
    return value


def plain(value: Any) -> Any:
    """The value with floats instead of Decimals, as json.loads gives by default; for free fields such as `meta`."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def describe(value: Any) -> str:
    """The type of a value, for an error message."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    names = {dict: "an object", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
