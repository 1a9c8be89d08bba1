"""What commands read: a model, problems, and text typed by the user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anzan.cli.output import silence_libraries
from anzan.errors import AnzanError

if TYPE_CHECKING:
    from anzan.reader import Reader
    from anzan.tasks import Problem


def load_reader(model: Path) -> Reader:
    """The reader in a model folder."""
    silence_libraries()
    from anzan.reader import Reader

    return Reader.load(model)


def load_problems(data: Path) -> list[Problem]:
    """The problems of a file, or of a data set on the Hugging Face hub.

    Raises:
        AnzanError: there are none, or some that cannot be used.
    """
    from anzan.tasks import read_any

    if str(data).startswith("hub:"):
        silence_libraries()  # the hub's client warns at each of its attempts
    problems = read_any(data)
    if not problems:
        raise AnzanError(f"{data}: contains no problem; give a file with some")
    return problems


def check_text(passage: str, question: str) -> None:
    """Refuse an empty passage or question.

    Raises:
        AnzanError: one of them is empty.
    """
    for name, text in (("--passage", passage), ("--question", question)):
        if not text.strip():
            raise AnzanError(f"{name} is empty: type some text")
