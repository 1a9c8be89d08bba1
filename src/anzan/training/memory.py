"""Memory settings for training."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def keep_freed_memory() -> bool:
    """Make glibc keep freed memory, instead of returning it to the system and faulting it in again at each step.

    Activations are large blocks that are allocated and freed at every step. By default each is its own mmap, and up to
    half of a training step is spent in the kernel's page faults.

    Returns:
        False where there is no glibc; then nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    m_trim_threshold, m_mmap_max, m_arena_max = -1, -4, -8
    settings = ((m_arena_max, 1), (m_mmap_max, 0), (m_trim_threshold, 2**31 - 1))
    return all(mallopt(key, value) for key, value in settings)


@contextmanager
def long_lived() -> Iterator[None]:
    """Within it the garbage collector ignores the objects that exist already, such as all training problems.

    Scanning them again and again took half the time of making examples.
    """
    gc.collect()  # or present garbage would be kept too
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
