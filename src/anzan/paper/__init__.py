"""The paper's experiments: what `anzan reproduce` trains and measures, and the page of results."""

from anzan.paper.figure2 import draw_figure2
from anzan.paper.page import write_page
from anzan.paper.run import reproduce
from anzan.paper.tables import CELLS, RECIPES, SCALES, TABLES, Measurement, Run, plan

__all__ = [
    "CELLS",
    "RECIPES",
    "SCALES",
    "TABLES",
    "Measurement",
    "Run",
    "draw_figure2",
    "plan",
    "reproduce",
    "write_page",
]
