"""Files that appear whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    """A UTF-8 text file to write: under its name only once all of it is written, so that nobody meets half of it and an
    error leaves an earlier one as it was. Its folder is made where it is missing.
    """
    target = Path(os.path.realpath(path))  # through a symbolic link, not over it
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
