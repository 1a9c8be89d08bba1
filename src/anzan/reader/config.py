"""The settings of a reader, saved beside its weights."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from anzan.arithmetic.numbers import parse_number
from anzan.errors import AnzanError

ARGUMENT_LOSSES = ("bce", "marginal", "none")
FORMAT = 1
"""Of a model folder; a newer one is refused by name."""
STRAIGHT_THROUGH = "straight-through"
OBJECTIVES = (
    STRAIGHT_THROUGH,
    "exact-marginal",
    "top-k-marginal",
    "sampled-marginal",
    "leave-one-out",
    "unordered-set",
)


class CalculatorReaderConfig(PreTrainedConfig):
    """Configuration of a `CalculatorReader`.

    Args:
        encoder: the encoder's own configuration (its `to_dict()`); the reader builds its encoder from it.
        operations: of ``+ - * /``, and functions of your own as ``module:function``, which are imported only where that
            is allowed (`anzan.arithmetic.functions`); empty for span extraction without a calculator.
        calls: how often the calculator is called. Each call but the first takes a result of the one before and a number
            of the text, and has a scorer of its own; needs an objective that reads several candidates' results.
        constants: numbers, as text ("100", "0.5"), that the calculator may be given although they stand nowhere.
        argument_loss: ``bce`` (the paper's), ``marginal`` or ``none``.
        argument_weight: factor of the argument loss.
        self_training: factor of the same loss on `pseudo_labels`, for questions that give no label.
        entropy: weight of a bonus on the entropy of the choice, for all questions; `CalculatorReader.entropy_weight`
            begins with it.
        objective: what the span loss trains the scores by: ``straight-through``, or an objective that reads several
            candidates' results for each example, ``exact-marginal`` (all of them), ``top-k-marginal``,
            ``sampled-marginal``, ``leave-one-out`` or ``unordered-set``.
        samples: how many candidates the last four of these read.
        sure: an example whose most likely candidate is at least so probable is read with that one alone; the others
            are taken to do as well, so its scores stay. It saves most of the reading once the choice is learnt.
        temperature, noise_scale: of the straight-through Gumbel-Softmax.
        dropout: on what the two heads read.
        hide_arguments: in the place of the numbers that went into the calculator the reader sees random digits, the
            same in the text and in the printed operands (`anzan.reader.decoys`). Results are true, so what the
            numbers amount to can be read from them alone.
        fixed_decoys: in training too these digits are the same for every text, as they are in every later reading;
            otherwise training draws them anew for each, and a reader can be disturbed by those that it then meets.
        blind_choice: the first pass sees decoys in the place of all numbers: it must choose by what the text says about
            them, and cannot tell the reader by its choice what it has worked out itself; needs `hide_arguments`.
        blindfold: the share of training examples in which all numbers of `anzan.reader.blindfold` are hidden as well;
            needs `hide_arguments`.
        digit_places: how many places of digits the reader tells apart, by an embedding of each that is added to that
            of the digit (`anzan.reader.places`); 0 for none. The longest number that it tells all places of has as many
            digits.
        discount_guesses: in training the same network also guesses: it reads with all digits and the whole result
            masked. An example counts by 2 (1 - p), p what the guess gives its answer; a fair coin leaves it as it is.
            So no answer pays by being frequent where the words are the same (Clark, Yatskar and Zettlemoyer, EMNLP
            2019, "reweight"); of two answers each gets half of the weight exactly.
        subtract_guesses: the network learns the same guess, by its own loss alone, and a later reading is divided by it
            to this power (`anzan.reader.guesses`): so no answer is given because it is frequent where the words are the
            same. 1 for a reader that is as sure as it is right, more for one that is surer; 0 for no guess. Not along
            with `discount_guesses`, which does so in training.
        max_answer_words: the longest answer that is read off question or passage.
        max_tokens: the longest text, results included. What is beyond the encoder's positions is read in windows
            (`anzan.reader.windows`).

    Raises:
        ValueError: an unknown argument loss or objective, self-training without an argument loss, an entropy below 0,
            `sure` out of range, a number of places or a power below 0, a blindfold where nothing is hidden, several
            calls with another objective, guesses discounted or subtracted without a calculator, or both, or a constant
            that is no number.
    """

    model_type = "anzan-reader"

    # Declared, or transformers takes it for a setting of text generation and refuses to save.
    temperature: float = 1.0

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        operations: list[str] | tuple[str, ...] = ("+", "-"),
        calls: int = 1,
        constants: list[str] | tuple[str, ...] = (),
        argument_loss: str = "bce",
        argument_weight: float = 1.0,
        self_training: float = 0.0,
        entropy: float = 0.0,
        objective: str = STRAIGHT_THROUGH,
        samples: int = 4,
        sure: float = 1.0,
        temperature: float = 1.0,
        noise_scale: float = 1.0,
        dropout: float = 0.0,
        hide_arguments: bool = False,
        blind_choice: bool = False,
        blindfold: float = 0.0,
        discount_guesses: bool = False,
        max_answer_words: int = 12,
        max_tokens: int = 4096,
        fixed_decoys: bool = False,
        digit_places: int = 0,
        subtract_guesses: float = 0.0,
        **kwargs: Any,
    ):
        if argument_loss not in ARGUMENT_LOSSES:
            raise AnzanError(f"argument_loss: {argument_loss!r} is unknown; choose among {', '.join(ARGUMENT_LOSSES)}")
        if self_training and argument_loss == "none":
            raise AnzanError("self_training: needs an argument_loss, bce or marginal")
        if entropy < 0:
            raise AnzanError(f"entropy: a weight of 0 or more, got {entropy}")
        if objective not in OBJECTIVES:
            raise AnzanError(f"objective: {objective!r} is unknown; choose among {', '.join(OBJECTIVES)}")
        if calls < 1 or (calls > 1 and objective == STRAIGHT_THROUGH):
            raise AnzanError(f"calls: 1, or more with an objective such as unordered-set, got {calls} with {objective}")
        for constant in constants:
            if parse_number(str(constant)) is None:
                raise AnzanError(f"constants: {constant!r} is not a number; write such as 100 or 0.5")
        if not 0.5 < sure <= 1:
            raise AnzanError(f"sure: a probability above 0.5, up to 1 (read all samples), got {sure}")
        if not 0 <= blindfold <= hide_arguments:
            raise AnzanError(f"blindfold: a share from 0 to 1 that needs hide_arguments, got {blindfold}")
        for name, asked in (("fixed_decoys", fixed_decoys), ("blind_choice", blind_choice)):
            if asked and not hide_arguments:
                raise AnzanError(f"{name}: needs hide_arguments")
        if digit_places < 0:
            raise AnzanError(f"digit_places: 0 for none, or how many, such as 16, got {digit_places}")
        for name, asked in (("discount_guesses", discount_guesses), ("subtract_guesses", subtract_guesses)):
            if asked and (not operations or calls > 1):
                raise AnzanError(f"{name}: for readers with one call of a calculator; change operations, calls")
        if subtract_guesses < 0:
            raise AnzanError(f"subtract_guesses: 0 for none, or a power such as 1.0, got {subtract_guesses}")
        if discount_guesses and subtract_guesses:
            raise AnzanError("subtract_guesses: discount_guesses does the same in training; choose one of them")
        super().__init__(**kwargs)
        self.format = FORMAT
        self.encoder = dict(encoder or {})
        self.operations = list(operations)
        self.calls = calls
        self.constants = [str(c) for c in constants]
        self.argument_loss = argument_loss
        self.argument_weight = argument_weight
        self.self_training = self_training
        self.entropy = entropy
        self.objective = objective
        self.samples = samples
        self.sure = sure
        self.temperature = temperature
        self.noise_scale = noise_scale
        self.dropout = dropout
        self.hide_arguments = hide_arguments
        self.fixed_decoys = fixed_decoys
        self.digit_places = digit_places
        self.blind_choice = blind_choice
        self.blindfold = blindfold
        self.discount_guesses = discount_guesses
        self.subtract_guesses = subtract_guesses
        self.max_answer_words = max_answer_words
        self.max_tokens = max_tokens

    def encoder_config(self) -> PreTrainedConfig:
        """The encoder's configuration as an object."""
        return AutoConfig.for_model(**self.encoder)

    @property
    def max_positions(self) -> int:
        """The most tokens that the encoder reads at once."""
        limit = int(getattr(self.encoder_config(), "max_position_embeddings", 512))
        return limit
