"""Problems to train and to measure readers on: generated ones, and files in several formats.

    from anzan.tasks import Possession, generate, read_any, write_problems

    write_problems(generate(Possession(people=4, transfers=1), size=1000, seed=0), "data.jsonl")
    problems = read_any("data.jsonl")       # or DROP, SVAMP, GSM8K, ASDiv, worlds:eval:1000

Neither torch nor transformers is imported.
"""

from typing import TYPE_CHECKING

from anzan._lazy import lazy
from anzan.tasks.fields import DataError
from anzan.tasks.possession import (
    Facts,
    Possession,
    check_disjoint,
    exchanged,
    facts_of,
    generate,
    guessing_scores,
    is_possession,
    shorten,
    substitutes,
    ten_times,
)
from anzan.tasks.problem import Problem, read_problems, write_problems

if TYPE_CHECKING:
    from anzan.tasks.asdiv import read_asdiv
    from anzan.tasks.distraction import Distractions
    from anzan.tasks.drop import read_drop
    from anzan.tasks.formats import read_any
    from anzan.tasks.gsm8k import read_gsm8k
    from anzan.tasks.number_swap import NotSwappable, swap_numbers
    from anzan.tasks.question_types import question_type, read_ids, select
    from anzan.tasks.svamp import read_svamp

__all__ = [
    "DataError",
    "Distractions",
    "Facts",
    "NotSwappable",
    "Possession",
    "Problem",
    "check_disjoint",
    "exchanged",
    "facts_of",
    "generate",
    "guessing_scores",
    "is_possession",
    "question_type",
    "read_any",
    "read_asdiv",
    "read_drop",
    "read_gsm8k",
    "read_ids",
    "read_problems",
    "read_svamp",
    "select",
    "shorten",
    "substitutes",
    "swap_numbers",
    "ten_times",
    "write_problems",
]

# Imported on first use: compiling their regular expressions would slow down `anzan --help`.
__getattr__, _ = lazy(
    __name__,
    {
        "distraction": ("Distractions",),
        "number_swap": (
            "NotSwappable",
            "swap_numbers",
        ),
        "question_types": (
            "question_type",
            "read_ids",
            "select",
        ),
        "formats": ("read_any",),
        "asdiv": ("read_asdiv",),
        "drop": ("read_drop",),
        "gsm8k": ("read_gsm8k",),
        "svamp": ("read_svamp",),
    },
)
