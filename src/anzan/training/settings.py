"""The settings of a training run, in groups; a reader's own are declared in `anzan.reader.settings`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from anzan.errors import AnzanError
from anzan.reader.settings import ReaderSettings

SCORES = ("f1", "em", "signed_em", "argument_accuracy")
"""What is measured on the development split, and can select the model."""
DRAWS = ("balanced", "free", "both")
"""How possession problems are drawn."""
LAST_STEP = "last"
"""Selects the weights at the end of the run."""


@dataclass
class PossessionSettings:
    """Synthetic problems to draw, see `anzan.tasks.possession`.

    Args:
        people: people in a passage.
        digits: digits of each number; two values, [1, 6], for a number of digits drawn between them, from 1.
        transfers: transfers in a problem, 0 to 2; several values take turns from problem to problem.
        questions: `max`, `argmax`.
        bias: tilts a cue on purpose, for example {role: 0.9}.
        gap: after a transfer, how far apart the two compared numbers are at most, in leading digits. Balanced problems
            only.
        train_size, eval_size: how many problems.
        draw: `balanced`; `free`, worded as in the paper and not balanced; or `both`, where every other training problem
            is free and the other splits are balanced.
    """

    people: int = 4
    digits: list[int] = field(default_factory=lambda: [7])
    transfers: list[int] = field(default_factory=lambda: [1])
    questions: list[str] = field(default_factory=lambda: ["max", "argmax"])
    bias: dict[str, float] = field(default_factory=dict)
    gap: float = 0.2
    train_size: int = 20_000
    eval_size: int = 2_000
    draw: str = "balanced"

    def __post_init__(self) -> None:
        if not self.transfers or len(set(self.transfers)) < len(self.transfers) or not {*self.transfers} <= {0, 1, 2}:
            raise AnzanError(f"transfers: 0, 1 or 2, or several of them, such as [0, 1], got {self.transfers}")
        if len(self.digits) not in (1, 2) or (len(self.digits) == 2 and self.digits[0] != 1):
            raise AnzanError(f"digits: a number, or a range from 1 such as [1, 6], got {self.digits}")
        if self.draw not in DRAWS:
            raise AnzanError(f"draw: {self.draw!r} is unknown; choose among {', '.join(DRAWS)}")
        if self.bias and self.draw != "balanced":
            raise AnzanError(f"bias: needs balanced problems, got draw={self.draw}; leave it out or draw=balanced")

    @property
    def dev_size(self) -> int:
        """Problems that select the model: a thirtieth of the training problems, from 8 to 300."""
        return min(300, max(8, self.train_size // 30))

    @property
    def most_digits(self) -> int:
        """The digits of the longest number."""
        return self.digits[-1]


@dataclass
class DataSettings:
    """Where problems come from: files, or `possession` problems that are drawn.

    Args:
        train, dev, eval: files (JSONL, DROP, SVAMP, GSM8K, ASDiv), worlds:SPLIT:SIZE or hub:NAME:SPLIT. Without `dev`,
            a tenth of the training passages selects the model.
        eval_share: without `eval`, the share of the training passages that is kept for evaluation.
        questions: types of question to keep (`anzan.tasks.question_types`), or files of ids.
        distracted: how many more times training has each problem, with something added that nobody asks for
            (`anzan.tasks.distraction`).
        possession: problems to draw instead.
    """

    train: str | None = None
    dev: str | None = None
    eval: str | None = None
    eval_share: float = 0.0
    questions: list[str] = field(default_factory=list)
    distracted: int = 0
    possession: PossessionSettings | None = None

    def __post_init__(self) -> None:
        if self.distracted < 0 or (self.distracted and self.possession is not None):
            raise AnzanError(f"distracted: 0 or more, and only for problems from a file, got {self.distracted}")
        if not 0 <= self.eval_share < 1:
            raise AnzanError(f"eval_share: give a share from 0 to below 1, got {self.eval_share}")
        if self.possession is not None:
            for name in ("train", "dev", "eval", "questions"):
                if getattr(self, name):
                    raise AnzanError(f"{name}, data.possession: give one; data.possession=null reads the files")


@dataclass
class ModelSettings(ReaderSettings):
    """A reader and its encoder, by name or path.

    Args:
        encoder: ``anzan-tiny``, ``all-MiniLM-L6-v2``, a folder, or a name on the Hugging Face hub.
        encoder_dropout: every dropout probability inside the encoder; null keeps its own.
    """

    encoder: str = "anzan-tiny"
    encoder_dropout: float | None = None

    @property
    def reader(self) -> ReaderSettings:
        """The reader's own settings."""
        return ReaderSettings(**{name: getattr(self, name) for name in ReaderSettings.__dataclass_fields__})


@dataclass
class TrainSettings:
    """Optimisation.

    Args:
        epochs: passes over the training problems; a fraction for less than one.
        time_limit: minutes. Learning rate and curriculum follow the clock where steps are too slow.
        batch_size: examples a step.
        learning_rate: of the encoder's last layer.
        head_learning_rate: of the parts that are new, not pre-trained; by default the same.
        layer_decay: learning rate of each encoder layer as a share of the one above (`anzan.training.learning_rates`).
        grow_until: the share of the run until which possession problems are shortened, each to a random number of
            people between three and a most that grows from five to all; 0 for whole problems from the start.
        warm_start: how many small problems the scorer learns from before the first step
            (`anzan.training.warm_start`); for numbers as symbols, and an encoder that is a reader.
        evaluations: how often the development split is measured.
        bf16: mixed precision, on a GPU or on a CPU that computes in bfloat16 (on others it is slower). Measurements are
            made in float32.
        select_by: the development score that chooses among the checkpoints, or `last` for the end of the run.
        seed: of weights, order and noise.
    """

    epochs: float = 3.0
    time_limit: float | None = None
    batch_size: int = 32
    learning_rate: float = 1e-4
    head_learning_rate: float | None = None
    layer_decay: float = 1.0
    grow_until: float = 0.0
    warm_start: int = 0
    evaluations: int = 5
    bf16: bool = False
    select_by: str = "f1"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "learning_rate", "head_learning_rate", "time_limit"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise AnzanError(f"{name}: give a number above 0, got {value}")
        if not 0 <= self.seed < 2**32:
            raise AnzanError(f"seed: give a number from 0 to 4294967295, got {self.seed}")
        if not 0 < self.layer_decay <= 1:
            raise AnzanError(f"layer_decay: give a share above 0 and up to 1, got {self.layer_decay}")
        if not 0 <= self.grow_until <= 1:
            raise AnzanError(f"grow_until: give a share from 0 to 1, got {self.grow_until}")
        if self.warm_start < 0:
            raise AnzanError(f"warm_start: give a number of problems, or 0 for none, got {self.warm_start}")
        known = (*SCORES, LAST_STEP)
        if self.select_by not in known:
            raise AnzanError(f"select_by: {self.select_by!r} is unknown; choose among {', '.join(known)}")


@dataclass(frozen=True)
class RunName:
    """What a run's result file is called, see `anzan.training.results.result_path`."""

    experiment: str = "train"
    cell: str = "all"
    recipe: str = "paper"
    scale: str = "laptop-easy"


@dataclass
class RunConfig:
    """A training run: its settings, and the name of its result."""

    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    name: RunName = field(default_factory=RunName, init=False)

    def __post_init__(self) -> None:
        if self.train.grow_until and self.data.possession is None:
            raise AnzanError("train.grow_until: for possession problems; leave it out")
        if self.train.warm_start and self.model.numbers != "symbols":
            raise AnzanError("train.warm_start: for model.numbers=symbols; leave it out")
        if self.train.select_by == "argument_accuracy" and not self.model.operations:
            raise AnzanError("train.select_by: argument_accuracy needs a calculator; choose f1 or em")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain data, as result files have them and `from_mapping` reads them."""
        settings = asdict(self)
        del settings["name"]
        return settings
