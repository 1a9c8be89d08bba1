"""What commands print, and where: results on standard output, progress on standard error."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from anzan.reader import Reader


def stdout() -> Console:
    """A console on standard output."""
    from rich.console import Console

    return Console(highlight=False, markup=False)


def stderr() -> Console:
    """A console on standard error, for progress; lines are not wrapped if it is a file."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False, markup=False)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object, in ASCII: it is the same whatever the encoding of standard output."""
    print(json.dumps(value))


def silence_libraries() -> None:
    """Keep warnings and progress bars of libraries out of our output. Imports transformers."""
    if os.environ.get("ANZAN_DEBUG"):
        return
    warnings.simplefilter("ignore")
    from transformers.utils import logging as transformers_logging

    # After the import, which sets these levels.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


@contextmanager
def progress_of(reader: Reader, total: int, description: str) -> Iterator[None]:
    """A progress bar for what a reader does within it, `total` passes over a text."""
    from anzan.progress import progress_bar

    with progress_bar(stderr()) as bar:
        task = bar.add_task(description, total=total)
        reader.on_pass = lambda texts: bar.advance(task, texts)
        try:
            yield
        finally:
            reader.on_pass = None


def write_result(result: dict[str, Any], root: Path | None) -> None:
    """Write a result file below `root`, if that is given."""
    if root is None:
        return
    from anzan.training.results import save_result

    stdout().print(f"result file: {save_result(result, root)}", soft_wrap=True)
