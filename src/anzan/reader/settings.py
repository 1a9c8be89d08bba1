"""The settings of a reader, in groups: declared and checked here, and used by presets, models and commands alike.

Nothing heavy is imported, so that the command line can read presets at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anzan.arithmetic.numbers import parse_number
from anzan.errors import AnzanError

ARGUMENT_LOSSES = ("bce", "marginal", "none")
ESTIMATORS = (
    "straight-through",
    "decoupled-straight-through",
    "gumbel-rao",
    "reinmax",
    "relaxed-gumbel-softmax",
    "sparsemax",
    "top-k-softmax",
)
"""Objectives that read one result an example: the estimators of `anzan.layer`."""
OBJECTIVES = (
    "exact-marginal",
    "top-k-marginal",
    "sampled-marginal",
    "set-marginal",
    "leave-one-out",
    "unordered-set",
)
"""Objectives that read the results of several candidates: those of `anzan.layer`.

`set-marginal` is `sampled_marginal` of `unordered_set`: distinct candidates, drawn without replacement.
"""
NUMBERS = ("digits", "symbols")


@dataclass
class ChoiceSettings:
    """How the choice of arguments is trained through the reading of their result.

    Args:
        objective: an estimator of `anzan.layer` (``straight-through``, ``gumbel-rao``, ``reinmax``, ...), which reads
            one result an example, or an objective that reads several (``exact-marginal``, ``unordered-set``, ...).
        options: keyword arguments of the estimator or objective, such as ``temperature``, ``noise_scale``, ``samples``
            or ``k``. Objectives that read several results also take ``sure``: an example whose most probable
            candidate has at least this probability is read with that candidate alone, unless it then misses its answer
            (default 1, read all).
        call_cost: added to the loss, in nats, for each call of a program.
    """

    objective: str = "straight-through"
    options: dict[str, int | float] = field(default_factory=dict)
    call_cost: float = 0.0

    def __post_init__(self) -> None:
        known = ESTIMATORS + OBJECTIVES
        if self.objective not in known:
            raise AnzanError(f"objective: {self.objective!r} is unknown; choose among {', '.join(known)}")
        if self.call_cost < 0:
            raise AnzanError(f"call_cost: a cost of 0 or more, got {self.call_cost}")
        if not 0.5 < self.options.get("sure", 1.0) <= 1:
            raise AnzanError(
                f"options.sure: a probability above 0.5, up to 1 (read all samples), got {self.options['sure']}"
            )

    @property
    def several(self) -> bool:
        """Whether the objective reads the results of several candidates."""
        return self.objective in OBJECTIVES


@dataclass
class SupervisionSettings:
    """What supervises the choice of arguments directly.

    Args:
        argument_loss: loss on the candidates whose result equals the answer: ``bce`` (the paper's), ``marginal`` or
            ``none``.
    """

    argument_loss: str = "bce"

    def __post_init__(self) -> None:
        if self.argument_loss not in ARGUMENT_LOSSES:
            raise AnzanError(
                f"argument_loss: {self.argument_loss!r} is unknown; choose among {', '.join(ARGUMENT_LOSSES)}"
            )


@dataclass
class ReaderSettings:
    """A reader, apart from its encoder.

    Args:
        numbers: ``digits``, as in the paper, or ``symbols``: each number and each result is one token without digits
            (`anzan.reader.symbols`).
        operations: of ``+ - * / days years``, and your own functions as ``module:function``, which are imported only
            where that is allowed (`anzan.arithmetic.functions`). Empty: span extraction without a calculator. A call
            prints the results of all, as in the paper; but with symbols and ``*`` or ``/`` the operation is an argument
            of a call, which prints its result alone.
        calls: how often the calculator can be called. With symbols a reader chooses whole programs of up to so many
            calls (`anzan.reader.programs`); with digits it is called once.
        constants: numbers, as text ("100", "0.5"), that the calculator may use although the text does not contain them.
        implied: whether dates and words that imply a number, such as `twice` or `dozen` (`anzan.arithmetic.implied`),
            are offered to the calculator like the numbers of the text.
        choice, supervision: see there.
    """

    numbers: str = "digits"
    operations: list[str] = field(default_factory=lambda: ["+", "-"])
    calls: int = 1
    constants: list[str] = field(default_factory=list)
    implied: bool = False
    choice: ChoiceSettings = field(default_factory=ChoiceSettings)
    supervision: SupervisionSettings = field(default_factory=SupervisionSettings)

    def __post_init__(self) -> None:
        if self.numbers not in NUMBERS:
            raise AnzanError(f"numbers: {self.numbers!r} is unknown; choose among {', '.join(NUMBERS)}")
        if self.calls < 1 or (self.calls > 1 and self.numbers == "digits"):
            raise AnzanError(f"calls: 1, or more with numbers=symbols, got {self.calls}")
        if self.numbers == "symbols":
            self._check_symbols()
        for constant in self.constants:
            if parse_number(constant) is None:
                raise AnzanError(f"constants: {constant!r} is not a number; write such as 100 or 0.5")

    @property
    def prints_one(self) -> bool:
        """Whether a call prints the result of one operation.

        Of six results side by side, a reading hardly learns which one is asked for.
        """
        arithmetic = set(self.operations) <= {*"+-*/"}
        return self.numbers == "symbols" and arithmetic and not set(self.operations) <= {*"+-"}

    def _check_symbols(self) -> None:
        if self.operations and not self.choice.several:
            raise AnzanError(
                f"choice.objective: {self.choice.objective} reads one result; with symbols choose one that reads "
                "several, such as unordered-set"
            )
        if self.operations and self.supervision.argument_loss == "bce":
            raise AnzanError("supervision.argument_loss: marginal or none with symbols, got bce")
