"""Progress bars, with speed and time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class Speed(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else per_second(speed))


def progress_bar(log: Console) -> Progress:
    """A bar that shows on a terminal alone, and in 80 columns."""
    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(None),
        TextColumn("{task.completed:,}/{task.total:,}"), Speed(), TimeRemainingColumn(compact=True),
        console=log, disable=not log.is_terminal, transient=True, expand=True,
    )  # fmt: skip


def per_second(speed: float) -> str:
    """A speed in three figures."""
    return f"{speed:,.0f}/s" if speed >= 100 else f"{speed:.1f}/s"


def time_left(seconds: float) -> str:
    """A time in two figures at most: `40 s left`, `12 min left`, `3 h 20 min left`."""
    if seconds < 60:
        return f"{seconds:.0f} s left"
    minutes = round(seconds / 60)
    return f"{minutes} min left" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min left"
