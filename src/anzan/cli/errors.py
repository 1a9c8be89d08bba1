"""Errors of the command line: one line on standard error and a non-zero exit."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from anzan.errors import AnzanError

INTERRUPTED = 130
"""The exit status after Ctrl-C."""

FAULTS = 20
"""The number of bad lines of a data file that are reported one by one."""


class OneLineErrors(TyperGroup):
    """A group of commands that print an error as one line, never as a traceback.

    With the environment variable ANZAN_DEBUG set, errors are raised.
    """

    def main(self, *args: Any, standalone_mode: bool = True, **kwargs: Any) -> Any:
        """Run a command and exit."""
        try:
            status = super().main(*args, standalone_mode=False, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:  # `anzan ... | head` reads no further
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        except Exception as error:
            if os.environ.get("ANZAN_DEBUG"):
                raise
            line, status = error_line(error)
            print(line, file=sys.stderr)
        sys.exit(status if isinstance(status, int) else 0)


def error_line(error: Exception) -> tuple[str, int]:
    """An error as the user sees it, and the exit status: one line, or one for each bad line of a data file.

    AnzanError and OSError are the user's to mend; what is neither is reported as unexpected.
    """
    if isinstance(error, typer.Abort):
        return "anzan: interrupted", INTERRUPTED
    usage = getattr(error, "format_message", None)  # a misspelt command or option
    if usage is not None:
        if type(error).__name__ == "NoArgsIsHelpError":
            return usage(), 2
        return f"anzan: {_one_line(usage())} (see {_help_command(error)})", 2
    if isinstance(error, OSError):
        return f"anzan: {_one_line(f'{error.filename}: {error.strerror}' if error.filename else error)}", 1
    if isinstance(error, AnzanError):
        faults = getattr(error, "faults", [])  # a DataError has one for each bad line; the error itself is the first
        return "\n".join(_one_line(f"anzan: {fault}") for fault in [error, *faults[1:FAULTS]]), 1
    surprise = f"{type(error).__name__}: {_one_line(error)}"
    return f"anzan: unexpected {surprise[:300]} (set ANZAN_DEBUG=1 to see where)", 1


def _help_command(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'anzan'} --help"


def _one_line(message: object) -> str:
    return " ".join(str(message).split())
