"""Atomic writes."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """Opens a UTF-8 text file for an atomic write.

    The file appears under its name when the block ends. If the block raises, an existing file is left unchanged.
    Missing parent folders are created. A symbolic link is followed.

    Raises:
        IsADirectoryError: `path` is a folder.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder; give the name of a file", str(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "w", encoding="utf-8", newline="\n") as file:
            yield file
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
