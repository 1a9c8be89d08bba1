"""Progress bars with speed and remaining time."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class Speed(ProgressColumn):
    """A column with the steps per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else per_second(speed))


def progress_bar(log: Console, time: bool = True) -> Progress:
    """A progress bar that fits in 80 columns and is shown only on a terminal, with the remaining time if `time`."""
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(None),
        TextColumn("{task.completed:,}/{task.total:,}"),
        Speed(),
        *([TimeRemainingColumn(compact=True)] if time else []),
    ]
    return Progress(*columns, console=log, disable=not log.is_terminal, transient=True, expand=True)


def per_second(speed: float) -> str:
    """A speed with three significant digits, `0.25/s`, or as a whole number from 100, `1,234/s`."""
    return f"{speed:,.0f}/s" if speed >= 99.95 else f"{speed:.3g}/s"


def time_left(seconds: float) -> str:
    """A rounded duration: `40 s left`, `12 min left`, `3 h 20 min left`."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s left"
    minutes = round(seconds / 60)
    return f"{minutes} min left" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min left"
