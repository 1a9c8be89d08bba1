"""The paper's experiments: what `anzan reproduce` trains and measures, and the page of results.

    from anzan.paper import plan, reproduce, write_page

    runs = plan("table3", "smoke", ["paper"], ["plain/max"], [0], [])
    reproduce(runs, Path("runs/reproduce"), Path("results"), Console(stderr=True))
    write_page(Path("results"), Path("docs/results.md"))

Everything is imported on first use.
"""

from typing import TYPE_CHECKING

from anzan._lazy import lazy

if TYPE_CHECKING:
    from anzan.paper.figure2 import draw_figure2 as draw_figure2
    from anzan.paper.page import write_page as write_page
    from anzan.paper.run import reproduce as reproduce
    from anzan.paper.tables import CELLS as CELLS
    from anzan.paper.tables import RECIPES as RECIPES
    from anzan.paper.tables import SCALES as SCALES
    from anzan.paper.tables import TABLES as TABLES
    from anzan.paper.tables import Measurement as Measurement
    from anzan.paper.tables import Run as Run
    from anzan.paper.tables import plan as plan
else:
    __getattr__, __all__ = lazy(
        __name__,
        {
            "figure2": ("draw_figure2",),
            "page": ("write_page",),
            "run": ("reproduce",),
            "tables": ("CELLS", "RECIPES", "SCALES", "TABLES", "Measurement", "Run", "plan"),
        },
    )
