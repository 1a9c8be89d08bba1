"""The README.md of a model folder."""

from __future__ import annotations

from typing import Any


def model_card(result: dict[str, Any]) -> str:
    """The README.md of a model folder."""
    rows = [f"| {k} | {v} |" for k, v in result["metrics"].items() if isinstance(v, (int, float))]
    table = "\n".join(["| metric (percent) | evaluation |", "|---|---|", *rows]) if rows else "Not evaluated."
    operations = " ".join(result["config"]["model"]["operations"]) or "none (span extraction)"
    return f"""---
library_name: anzan
tags: [reading-comprehension, tool-use, neuro-symbolic]
---
# {result["experiment"]}: {result["cell"]}

A reading-comprehension model with a calculator ({operations}) built with [anzan](https://pypi.org/project/anzan/) on
{result["encoder"]} ({result["parameters"]:,} parameters). It answers from the question, the passage, or the
calculator's result, and shows which numbers it used.

Trained on {result["train_size"]:,} problems, recipe `{result["recipe"]}`, seed {result["seed"]},
{result["device"]}, {result["train_s"]:.0f} s.

{table}

```
{result["command"]}
anzan ask THIS_FOLDER --passage "..." --question "..."
```

Limits: it knows the kind of text that it was trained on. A high score alone does not show that the calculator was used;
look at the argument accuracy.
"""
