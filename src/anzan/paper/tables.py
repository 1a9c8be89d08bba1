"""The paper's tables (Yoshikawa, Heinzerling and Inui, NLP2022): what is trained for each, and on what it is tested.

A run is one trained model; a measurement is one cell of a table. `anzan.paper.run` runs them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

STRAIGHT_THROUGH = "straight-through"
from anzan.training.settings import ConfigError, PossessionData, RunConfig, load_config

CELLS: dict[str, dict[str, Any]] = {
    f"{kind}/{name}": {"transfer": [kind == "transfer"], "questions": questions}
    for kind in ("plain", "transfer")
    for name, questions in {"argmax": ["argmax"], "max": ["max"], "max-argmax": ["argmax", "max"]}.items()
}
"""The six cells of Table 3, and what their problems are."""

SCALES: dict[str, list[str]] = {
    "smoke": [
        *(f"data.possession.{k}={v}" for k, v in (("people", 3), ("digits", 3), ("train_size", 64), ("dev_size", 8))),
        "data.possession.eval_size=24", "train.batch_size=8", "train.max_steps=3", "train.evaluations=1",
        "train.tries=1",
    ],
    "laptop": [],
    "paper": [
        "model.encoder=bert-base-uncased", "train.learning_rate=3e-5", "train.head_learning_rate=null",
        "train.layer_decay=1.0",
        "train.warmup_share=0.1", "train.epochs=3", "train.batch_size=32", "train.bf16=true", "train.tries=1",
    ],
}  # fmt: skip
"""What a scale changes in a recipe, which is written for `laptop`."""

DROP = [
    "data.possession=null", "data.questions=[comparison, difference, complement]", "data.eval_share=0.2",
    "train.grow_from=null", "train.grow_share=0", "train.begin_with=[]", "train.begin_share=0",
    "train.group_by_length=true", "train.tries=1",
]  # fmt: skip
DROP_SCALES: dict[str, list[str]] = {
    "smoke": [],
    "laptop": [
        "model.encoder=all-MiniLM-L6-v2", "model.encoder_dropout=0", "train.learning_rate=1e-4",
        "train.layer_decay=1.0", "train.head_learning_rate=1e-3", "train.epochs=3", "train.evaluations=3",
    ],
    "paper": [],
}  # fmt: skip
"""What Table 1 changes besides: questions of DROP, from `data.train` and `data.eval`, and an encoder that has read."""

RECIPES = ("paper", "span", "faithful", "faithful-joint")
SIZES = (500, 1_000, 2_000, 5_000, 10_000)


@dataclass(frozen=True)
class Measurement:
    """A cell of a table: the problems that a trained reader is tested on; None for its run's own evaluation split."""

    experiment: str
    cell: str
    data: PossessionData | None


@dataclass(frozen=True)
class Run:
    """One training, named by its folder, what is measured with it, and the table that asked for it."""

    name: str
    config: RunConfig
    measurements: tuple[Measurement, ...]
    table: str = ""


@dataclass(frozen=True)
class Wanted:
    """What was asked for: a recipe at a scale and seed, for some cells (none for all), with changes of settings."""

    recipe: str
    scale: str
    seed: int
    cells: tuple[str, ...]
    overrides: tuple[str, ...]

    def config(self, experiment: str, cell: str, *changes: str) -> RunConfig:
        """The recipe on the problems of a cell; `all` leaves it the problems of its preset."""
        problems = {} if cell == "all" else CELLS[cell]
        chosen = [f"data.possession.{k}={json.dumps(v)}" for k, v in problems.items()]
        config = self.load(experiment, cell, *chosen, *SCALES[self.scale], *changes)
        possession_of(config)
        return config

    def load(self, experiment: str, cell: str, *changes: str) -> RunConfig:
        """The recipe with changes."""
        name = (
            f"experiment={experiment}", f"cell={cell}", f"recipe={self.recipe}", f"scale={self.scale}",
            f"train.seed={self.seed}",
        )  # fmt: skip
        return load_config(self.recipe, [*name, *changes, *self.overrides])


def plan(
    table: str, scale: str, recipes: Sequence[str], cells: Sequence[str], seeds: Sequence[int], overrides: Sequence[str]
) -> list[Run]:
    """The runs of a table, in order.

    Raises:
        ConfigError: a table, scale, recipe or cell that does not exist, or overrides that cannot be used.
    """
    for what, given, known in (
        ("table", [table], TABLES),
        ("--scale", [scale], SCALES),
        ("--recipe", recipes, RECIPES),
        ("--cell", cells, CELLS),
    ):
        for each in given:
            if each not in known:
                raise ConfigError(f"{what} {each}: unknown; choose among {', '.join(known)}")
    return [
        replace(run, table=table)
        for recipe in recipes
        for seed in seeds
        for run in TABLES[table](Wanted(recipe, scale, seed, tuple(cells), tuple(overrides)))
    ]


def _table1(wanted: Wanted) -> list[Run]:
    """DROP's comparison questions as they are and with their numbers swapped; difference and complement in training."""
    if wanted.cells:
        raise ConfigError(f"--cell {wanted.cells[0]}: table1 has one cell; leave --cell out")
    config = wanted.load("table1", "comparison", *SCALES[wanted.scale], *DROP, *DROP_SCALES[wanted.scale])
    if config.data.train is None:
        raise ConfigError(
            "data.train is missing: table1 reads DROP from a file, data.train=PATH, or hub:ucinlp/drop:train"
        )
    return [_run("table1", config, [Measurement("table1", "comparison", None)])]


def _table3(wanted: Wanted, experiment: str = "table3", **changes: Any) -> list[Run]:
    """Each cell trained and tested on its own problems; `faithful-joint` is one model for all of them."""
    cells = wanted.cells or tuple(CELLS)
    if wanted.recipe == "faithful-joint":
        config = wanted.config("table3", "all")
        return [_run("table3", config, [_measured(experiment, c, config, **CELLS[c] | changes) for c in cells])]
    configs = [(cell, wanted.config("table3", cell)) for cell in cells]
    return [_run("table3", c, [_measured(experiment, cell, c, **changes)]) for cell, c in configs]


def _table4(wanted: Wanted, experiment: str = "table4", digits: int = 1) -> list[Run]:
    """Trained on numbers of up to six digits, tested on argmax questions about longer ones; a transfer in both."""
    runs = []
    for cell in wanted.cells or ("transfer/argmax", "transfer/max-argmax"):
        most = possession_of(wanted.config("table4", cell)).digits - 1
        config = wanted.config("table4", cell, f"data.possession.max_digits={most}")
        longer = {"digits": most + digits, "max_digits": None, "questions": ["argmax"]}
        runs.append(_run("table4", config, [_measured(experiment, cell, config, **longer)]))
    return runs


def _figure2(wanted: Wanted) -> list[Run]:
    """The model of Table 3 that saw argmax questions without a transfer."""
    return _table3(replace(wanted, cells=wanted.cells or ("plain/argmax",)))


def _more_people(wanted: Wanted) -> list[Run]:
    """The models of Table 3 on passages of twice as many people."""
    people = 2 * possession_of(wanted.config("table3", "transfer/max")).people
    return _table3(wanted, "more-people", people=people)


def _longer_numbers(wanted: Wanted) -> list[Run]:
    """The models of Table 4 on numbers of twice as many digits."""
    digits = possession_of(wanted.config("table4", "transfer/max")).digits - 1
    return _table4(wanted, "longer-numbers", digits)


def _two_transfers(wanted: Wanted) -> list[Run]:
    """Two transfers, so two calls where the recipe's objective can train a chain; one call for the others.

    A chain's span loss counts the first calls that lead nowhere, so it does not tell a dead end.
    """
    runs = []
    for cell in wanted.cells or ("transfer/max-argmax",):
        plain = wanted.config("two-transfers", cell)
        chain = plain.model.operations and plain.model.objective != STRAIGHT_THROUGH
        config = wanted.config(
            "two-transfers",
            cell,
            "data.possession.transfers=2",
            f"data.possession.people={max(4, possession_of(plain).people)}",  # two are asked, two give or receive
            f"model.calls={2 if chain else 1}",
            "model.subtract_guesses=0",  # for one call
            "train.tries=1",
        )
        runs.append(_run("two-transfers", config, [_measured("two-transfers", cell, config)]))
    return runs


def _bias(wanted: Wanted) -> list[Run]:
    """Trained where the receiver wins in nine of ten; tested on such problems and where the receiver loses in nine."""
    runs = []
    for cell in wanted.cells or ("transfer/max-argmax",):
        config = wanted.config("bias", cell, "data.possession.bias.role=0.9")
        tests = {"bias": {"role": 0.9}, "bias-reversed": {"role": 0.1}}
        runs.append(_run("bias", config, [_measured(name, cell, config, bias=bias) for name, bias in tests.items()]))
    return runs


def _no_argument_loss(wanted: Wanted) -> list[Run]:
    """The cells with a transfer and max questions, from answers alone."""
    experiment = "no-argument-loss"
    changes = "model.argument_loss=none", "model.self_training=0", "train.tries=1"
    configs = [
        (cell, wanted.config(experiment, cell, *changes))
        for cell in wanted.cells or ("transfer/max", "transfer/max-argmax")
    ]
    return [_run(experiment, config, [_measured(experiment, cell, config)]) for cell, config in configs]


def _training_size(wanted: Wanted) -> list[Run]:
    """F1 against the number of training problems, in as many steps as all of them take; those are in Table 3."""
    runs = []
    for cell in wanted.cells or ("transfer/max-argmax",):
        full = wanted.config("training-size", cell)
        whole = possession_of(full).train_size
        for size in [n for n in SIZES if n < whole] or [whole]:
            experiment = f"training-size/{size}"
            epochs = full.train.epochs * whole / size  # the same number of steps for all
            changes = f"data.possession.train_size={size}", f"train.epochs={epochs}", "train.tries=1"
            config = wanted.config(experiment, cell, *changes)
            runs.append(_run(experiment, config, [_measured(experiment, cell, config)]))
    return runs


TABLES: dict[str, Callable[[Wanted], list[Run]]] = {
    "table1": _table1,
    "table3": _table3,
    "table4": _table4,
    "figure2": _figure2,
    "bias": _bias,
    "no-argument-loss": _no_argument_loss,
    "training-size": _training_size,
    "more-people": _more_people,
    "longer-numbers": _longer_numbers,
    "two-transfers": _two_transfers,
}
"""The paper's tables, then what goes beyond them."""


def possession_of(config: RunConfig) -> PossessionData:
    """The synthetic problems of a run.

    Raises:
        ConfigError: it has none.
    """
    if config.data.possession is None:
        raise ConfigError(f"{config.recipe}: this needs data.possession")
    return config.data.possession


def _measured(experiment: str, cell: str, config: RunConfig, **changes: Any) -> Measurement:
    return Measurement(experiment, cell, replace(possession_of(config), **changes))


def _run(folder: str, config: RunConfig, measurements: Sequence[Measurement]) -> Run:
    c = config
    name = f"{folder}/{c.cell}/{c.recipe}-{Path(c.model.encoder).name}-{c.scale}-{c.train.seed}"
    return Run(name, config, tuple(measurements))
