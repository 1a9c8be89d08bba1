"""Progress in 80 columns, and times as a person says them."""

import io
import re

import pytest
from rich.console import Console

from anzan.progress import per_second, progress_bar, time_left


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s left"), (59.4, "59 s left"), (59.7, "1 min left"), (60, "1 min left"), (89 * 60, "89 min left"),
        (90 * 60, "1 h 30 min left"), (7325, "2 h 2 min left"),
    ],
)  # fmt: skip
def test_time_left(seconds: float, said: str) -> None:
    assert time_left(seconds) == said


def test_per_second() -> None:
    said = [per_second(s) for s in (0.04, 0.25, 99.94, 99.96, 1234.5)]
    assert said == ["0.04/s", "0.25/s", "99.9/s", "100/s", "1,234/s"]


def test_a_bar_fits_in_80_columns_and_stays_out_of_a_file() -> None:
    screen, file = io.StringIO(), io.StringIO()
    for to, terminal in ((screen, True), (file, False)):
        log = Console(file=to, width=80, force_terminal=terminal, color_system=None, legacy_windows=False)
        with progress_bar(log) as bar:
            task = bar.add_task("answering, with other outputs of the calculator too", total=123456)
            bar.advance(task, 61728)
            bar.refresh()
    assert file.getvalue() == ""
    assert "61,728/123,456" in screen.getvalue()
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", screen.getvalue())
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]", shown))
