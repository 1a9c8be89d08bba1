"""Functions for workers, in a module without torch."""

import os
import time


def slow(a: int) -> list[int]:
    if a == 3:
        raise ValueError("three")
    if a == 4:
        time.sleep(1000)
    if a == 5:
        os._exit(1)
    if a == 6:
        return lambda: None  # pyright: ignore[reportReturnType] - cannot travel
    return [a, os.getpid()]
