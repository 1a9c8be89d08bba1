"""The paper's tables (Yoshikawa, Heinzerling and Inui, NLP2022), and ours beyond them: what each trains and measures.

A run is one trained model. A measurement is one cell of a table. `anzan.paper.run` runs them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anzan.presets import load_config
from anzan.settings import ConfigError
from anzan.training import PossessionSettings, RunConfig
from anzan.training.results import result_path

CELLS: dict[str, dict[str, Any]] = {
    f"{kind}/{name}": {"transfers": [transfers], "questions": questions}
    for kind, transfers in {"plain": 0, "transfer": 1}.items()
    for name, questions in {"argmax": ["argmax"], "max": ["max"], "max-argmax": ["argmax", "max"]}.items()
}
"""The six cells of Table 3, and their problems."""

SCALES: dict[str, list[str]] = {
    "smoke": [
        "data.possession.people=3", "data.possession.digits=3",
        "data.possession.train_size=64", "data.possession.eval_size=24",
        "train.batch_size=8", "train.epochs=0.375", "train.evaluations=1", "train.warm_start=0",
    ],
    "laptop": [],
    "paper": [
        "model.encoder=bert-base-uncased", "train.learning_rate=3e-5", "train.head_learning_rate=null",
        "train.warm_start=0", "train.layer_decay=1.0", "train.epochs=3", "train.batch_size=32", "train.bf16=true",
    ],
}  # fmt: skip
"""What a scale changes in a recipe; recipes are written for `laptop`. `smoke` is three steps."""

DROP = [
    "data.possession=null", "data.questions=[comparison, difference, complement]", "data.eval_share=0.2",
    "train.grow_until=0", "train.warm_start=0",
]  # fmt: skip
"""What Table 1 changes: questions of DROP, from `data.train` and `data.eval`."""

DROP_SCALES: dict[str, list[str]] = {
    "smoke": ["train.epochs=0.01"],
    "laptop": [
        "model.encoder=all-MiniLM-L6-v2", "model.encoder_dropout=0", "train.learning_rate=1e-4",
        "train.layer_decay=1.0", "train.head_learning_rate=1e-3", "train.epochs=3", "train.evaluations=3",
    ],
    "paper": [],
}  # fmt: skip
"""What a scale changes for Table 1: DROP needs an encoder that was trained on ordinary text."""

RECIPES = ("paper", "span", "faithful", "faithful-joint")
SIZES = (500, 1_000, 2_000, 5_000, 10_000)
"""Training problems, in the table `training-size`."""


@dataclass(frozen=True)
class Measurement:
    """A cell of a table: the problems that a trained reader answers; None for the evaluation split of its run."""

    experiment: str
    cell: str
    data: PossessionSettings | None


@dataclass(frozen=True)
class Run:
    """One training, and what is measured with its model.

    Attributes:
        table: the table that it was planned for. Some tables measure the models of another.
        overrides: what the user changed.
    """

    config: RunConfig
    measurements: tuple[Measurement, ...]
    table: str
    overrides: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder of its model, relative to that of all runs."""
        c = self.config
        return str(result_path(Path(), c.name, c.model.encoder, c.train.seed).with_suffix(""))

    def result_path(self, m: Measurement, results: Path) -> Path:
        """The file of a measurement."""
        c = self.config
        return result_path(
            results, replace(c.name, experiment=m.experiment, cell=m.cell), c.model.encoder, c.train.seed
        )

    def command(self, m: Measurement) -> str:
        """The command that trains this model and makes this measurement."""
        name, seed = self.config.name, self.config.train.seed
        words = ["anzan", "reproduce", self.table, "--scale", name.scale, "--recipe", name.recipe]
        if name.recipe != "faithful-joint" and m.data is not None:
            words += ["--cell", m.cell]
        return shlex.join([*words, "--seed", str(seed), *self.overrides])


@dataclass(frozen=True)
class Wanted:
    """What the user asked for: a table from one recipe, scale and seed, for some cells (none for all)."""

    table: str
    recipe: str
    scale: str
    seed: int
    cells: tuple[str, ...]
    overrides: tuple[str, ...]

    def config(self, experiment: str, cell: str, *changes: str) -> RunConfig:
        """The recipe on the problems of a cell; `all` keeps those of its preset."""
        problems = {} if cell == "all" else CELLS[cell]
        chosen = [f"data.possession.{k}={json.dumps(v)}" for k, v in problems.items()]
        config = self.load(experiment, cell, *chosen, *SCALES[self.scale], *changes)
        possession_of(config)
        return config

    def load(self, experiment: str, cell: str, *changes: str) -> RunConfig:
        """The recipe with changes; the user's overrides win."""
        name = f"experiment={experiment}", f"cell={cell}", f"train.seed={self.seed}"
        config = load_config(self.recipe, [*name, *changes, *self.overrides])
        config.name = replace(config.name, scale=self.scale)
        return config

    def run(self, config: RunConfig, *measurements: Measurement) -> Run:
        """A run of these settings."""
        return Run(config, measurements, self.table, self.overrides)


def plan(
    table: str, scale: str, recipes: Sequence[str], cells: Sequence[str], seeds: Sequence[int], overrides: Sequence[str]
) -> list[Run]:
    """The runs of a table, in order.

    Raises:
        ConfigError: an unknown table, scale, recipe or cell, or overrides that cannot be used.
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
        run
        for recipe in recipes
        for seed in seeds
        for run in TABLES[table](Wanted(table, recipe, scale, seed, tuple(cells), tuple(overrides)))
    ]


def _table1(wanted: Wanted) -> list[Run]:
    """DROP's comparison questions, as they are and with their numbers swapped.

    Training has difference and complement questions too.
    """
    if wanted.cells:
        raise ConfigError(f"--cell {wanted.cells[0]}: table1 has one cell; leave --cell out")
    config = wanted.load("table1", "comparison", *SCALES[wanted.scale], *DROP, *DROP_SCALES[wanted.scale])
    if config.data.train is None:
        raise ConfigError(
            "data.train is missing: table1 reads DROP from a file, data.train=PATH, or hub:ucinlp/drop:train"
        )
    return [wanted.run(config, Measurement("table1", "comparison", None))]


def _table3(wanted: Wanted, experiment: str = "table3", **changes: Any) -> list[Run]:
    """Each cell trained and measured on its own problems; `faithful-joint` is one model for all cells."""
    cells = wanted.cells or tuple(CELLS)
    if wanted.recipe == "faithful-joint":
        config = wanted.config("table3", "all")
        return [wanted.run(config, *(_measured(experiment, c, config, **CELLS[c] | changes) for c in cells))]
    configs = [(cell, wanted.config("table3", cell)) for cell in cells]
    return [wanted.run(c, _measured(experiment, cell, c, **changes)) for cell, c in configs]


def _table4(wanted: Wanted, experiment: str = "table4", digits: int = 1) -> list[Run]:
    """Trained on numbers of up to six digits, measured on argmax questions about longer ones; a transfer in both.

    Args:
        digits: how many digits more the numbers of the measurement have.
    """
    runs = []
    for cell in wanted.cells or ("transfer/argmax", "transfer/max-argmax"):
        most = possession_of(wanted.config("table4", cell)).most_digits - 1
        config = wanted.config("table4", cell, f"data.possession.digits=[1, {most}]")
        runs.append(
            wanted.run(config, _measured(experiment, cell, config, digits=[most + digits], questions=["argmax"]))
        )
    return runs


def _figure2(wanted: Wanted) -> list[Run]:
    """The model of Table 3 for argmax questions without a transfer."""
    return _table3(replace(wanted, cells=wanted.cells or ("plain/argmax",)))


def _more_people(wanted: Wanted) -> list[Run]:
    """The models of Table 3 on passages of twice as many people."""
    people = 2 * possession_of(wanted.config("table3", "transfer/max")).people
    return _table3(wanted, "more-people", people=people)


def _longer_numbers(wanted: Wanted) -> list[Run]:
    """The models of Table 4 on numbers of twice as many digits."""
    digits = possession_of(wanted.config("table4", "transfer/max")).most_digits - 1
    return _table4(wanted, "longer-numbers", digits)


def _two_transfers(wanted: Wanted) -> list[Run]:
    """Problems with two transfers.

    A recipe of several calls is trained four times as long, on problems with one transfer too: there it learns to
    compare a result, which comes last with two.
    """
    runs = []
    for cell in wanted.cells or ("transfer/max-argmax",):
        plain = wanted.config("two-transfers", cell)
        several = plain.model.calls > 1
        config = wanted.config(
            "two-transfers",
            cell,
            f"data.possession.people={max(4, possession_of(plain).people)}",  # two are asked, two give or receive
            f"data.possession.transfers={[1, 2] if several else [2]}",
            f"train.epochs={plain.train.epochs * (4 if several else 1)}",
        )
        runs.append(wanted.run(config, _measured("two-transfers", cell, config, transfers=[2])))
    return runs


def _bias(wanted: Wanted) -> list[Run]:
    """Trained where the receiver wins in nine of ten problems; measured there, and where it loses in nine of ten."""
    runs = []
    for cell in wanted.cells or ("transfer/max-argmax",):
        config = wanted.config("bias", cell, "data.possession.draw=balanced", "data.possession.bias.role=0.9")
        tests = {"bias": {"role": 0.9}, "bias-reversed": {"role": 0.1}}
        runs.append(wanted.run(config, *(_measured(name, cell, config, bias=bias) for name, bias in tests.items())))
    return runs


def _no_argument_loss(wanted: Wanted) -> list[Run]:
    """The cells with a transfer and max questions, trained on answers alone."""
    experiment = "no-argument-loss"
    configs = [
        (cell, wanted.config(experiment, cell, "model.supervision.argument_loss=none"))
        for cell in wanted.cells or ("transfer/max", "transfer/max-argmax")
    ]
    return [wanted.run(config, _measured(experiment, cell, config)) for cell, config in configs]


def _training_size(wanted: Wanted) -> list[Run]:
    """Fewer training problems, in the same number of steps; all of them are in Table 3."""
    runs = []
    for cell in wanted.cells or ("transfer/max-argmax",):
        full = wanted.config("training-size", cell)
        whole = possession_of(full).train_size
        for size in [n for n in SIZES if n < whole] or [whole]:
            experiment = f"training-size/{size}"
            epochs = full.train.epochs * whole / size
            changes = f"data.possession.train_size={size}", f"train.epochs={epochs}"
            config = wanted.config(experiment, cell, *changes)
            runs.append(wanted.run(config, _measured(experiment, cell, config)))
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
"""The paper's tables, then ours."""


def possession_of(config: RunConfig) -> PossessionSettings:
    """The possession problems of a run.

    Raises:
        ConfigError: it has none.
    """
    if config.data.possession is None:
        raise ConfigError(f"{config.name.recipe}: this needs data.possession")
    return config.data.possession


def _measured(experiment: str, cell: str, config: RunConfig, **changes: Any) -> Measurement:
    return Measurement(experiment, cell, replace(possession_of(config), **changes))
