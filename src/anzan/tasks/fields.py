"""Decoded JSON, checked field by field; what is wrong, where, and how to mend it, in one line."""

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
    """Data that cannot be used; the message, one line, names file, line number, field and the mend.

    Where more than one line is bad, it is about the first of them, with the counts of bad and good ones, and `faults`
    has such a message for each.
    """

    def __init__(self, message: str, faults: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.faults = list(faults)


def scan_lines(path: str | os.PathLike[str], build: Callable[[Any], T]) -> Iterator[tuple[int, T | DataError]]:
    """Each JSONL line that is not blank as (line number from 1, what `build` makes of it or what is wrong with it).

    The file may be gzipped. Raises OSError where it cannot be opened, and DataError where the gzip file is damaged.
    """
    # Bytes, so that a line that is not UTF-8 is one bad line and not the end of the file.
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
    """What was scanned, once all of it is: nobody gets half a file.

    Raises DataError where something in it cannot be used, with all that is wrong.
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
    """A file to read bytes from, unpacked where it is gzipped.

    Raises OSError where it cannot be opened, and DataError where the gzip file is damaged.
    """
    with open(path, "rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    try:
        with cast(BinaryIO, gzip.open(path)) if zipped else open(path, "rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError(f"{os.fspath(path)}: the gzip file is damaged or cut off; get it again") from None


class FieldError(AnzanError):
    """What is wrong with a field, and the mend."""


def fail(name: str, fault: str, mend: str) -> NoReturn:
    """Raise FieldError: the field, what is wrong with it, how to mend it."""
    raise FieldError(f"{name}: {fault}; {mend}")


def _load(line: bytes) -> Any:
    def constant(name: str) -> NoReturn:
        fail("JSON", f"{name} is not a number", "leave the line out or give the number")

    try:
        # Decimal keeps 0.1 as it is written.
        return json.loads(line.decode("utf-8"), parse_float=Decimal, parse_constant=constant)
    except UnicodeDecodeError as error:
        fail("text", f"byte {error.start + 1} is not UTF-8", "save the file as UTF-8")
    except json.JSONDecodeError as error:
        fail("JSON", f"{error.msg} at character {error.pos + 1}", "write one JSON object a line")
    except RecursionError:
        fail("JSON", "nested too deeply", "write one flat JSON object a line")
    except FieldError:
        raise
    except ValueError:  # Python's own limit on the digits of an int
        fail("JSON", "a number has too many digits", f"use at most {MAX_VALUE_DIGITS}")


def text(record: Mapping[str, Any], name: str) -> str:
    """A field that must be there, as text."""
    if name not in record:
        fail(name, "missing", f"add {name!r} as a string")
    return string(record[name], name)


def string(value: Any, name: str) -> str:
    """A value that must be text, and such as a tokenizer takes."""
    if not isinstance(value, str):
        fail(name, f"found {describe(value)}, not a string", "put it in double quotes")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:  # "\ud800" is valid JSON, but no text: tokenizers raise on it
        fail(name, f"lone surrogate at character {error.start + 1}", "remove it or write the whole pair")
    return value


def plain(value: Any) -> Any:
    """JSON as json.loads gives it by default: meta is free, so its numbers are plain floats again."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def describe(value: Any) -> str:
    """What a value is, for a message."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    names = {dict: "an object", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
