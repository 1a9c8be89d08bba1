"""A skill of readers of symbols: to read what the calculator prints.

    Brulo has 36 dinks. Kevash has 72 dinks. Brulo gave 15 dinks to Omi.
    R0 = N0 + N2 , R1 = N0 - N2 , - R2 = N2 - N0 [SEP] R3 = N1 + R1 , R4 = N1 - R1 , - R5 = R1 - N1 [SEP]
    Brulo or Kevash?    -> Kevash

The calls are given, so one reading an example is enough, and a few thousand examples teach what a sign says. Without
this skill a reader must find out at once which calls to make and what their results mean: every choice is then worth
the same, and most runs stay at chance for long. Names and things have no meaning, and no task's own question is asked.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from rich.console import Console
from torch import Tensor, nn
from transformers import get_wsd_schedule

from anzan.reader.attention import use_bfloat16_attention
from anzan.reader.batch import Batch, collate_examples
from anzan.reader.encode import TextEncoder
from anzan.reader.labels import make_example
from anzan.reader.network import CalculatorReader, SpanLogits
from anzan.reader.programs import Calls, choices_of
from anzan.reader.scored import reading_after
from anzan.reader.settings import ChoiceSettings, SupervisionSettings
from anzan.reader.spans import span_loss
from anzan.training.learning_rates import learning_rates, set_learning_rates
from anzan.training.memory import keep_freed_memory
from anzan.training.model import new_model
from anzan.training.settings import ModelSettings

_ONSETS = ("b", "br", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "pl", "r", "s", "sk", "st")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")
_OWNS = ("has", "had", "owns", "holds")
_GIVES = ("gave", "handed", "passed", "sent")
_NAME = (
    "Name: {a} or {b}?", "Who: {a} or {b}?", "Who {x} {y}: {a} or {b}?", "Who {x} {y} {thing}: {a} or {b}?",
    "Which of {a} and {b} {x}?", "Who {x} the {y}, {a} or {b}?", "{a} or {b}, who {x}?",
)  # fmt: skip
_NUMBER = (
    "Number: {a} or {b}?", "How many {thing}: {a} or {b}?", "How many {x} {a} or {b}?", "How {x}: {a} or {b}?",
    "What {x} {y} {a} or {b}?", "What is the {x} {y} of {thing} that {a} or {b} {z}?", "What {x} the {y}, {a} or {b}?",
)  # fmt: skip
"""Questions for a name and for a number; x, y and z are words of no meaning."""
_PEOPLE = (3, 4, 5, 6, 8, 10, 12, 16, 20)

Pair = tuple[int, int]
"""What goes into a call, see `Drill`."""
CLAUSES = 3
"""Results of a call: a + b, a - b and b - a, with the earlier one as a."""
OTHERS = 1 / 3
"""How often another call is made."""
MEMORY = 5.0
"""The weight of `Memory.lost`."""
EVERY = 50
"""Steps between two reports."""


@dataclass(frozen=True)
class Lines:
    """Settings of the training on drills.

    Attributes:
        calls: of a program, at most.
        learning_rate: of the encoder.
        head_learning_rate: of the parts that are new.
        bf16: compute in bfloat16, on a GPU or a processor that can.
    """

    calls: int = 3
    steps: int = 1000
    batch_size: int = 32
    learning_rate: float = 5e-4
    head_learning_rate: float = 2e-3
    bf16: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Drill:
    """A text, the calls that are made for it, and the answer that these give.

    Attributes:
        program: the calls, each as a pair: numbers by their place in the passage, results as -1 - k for the k-th result
            of all calls.
    """

    passage: str
    question: str
    answer: str
    program: tuple[Pair, ...]


def draw_drill(rng: random.Random, calls: int = 2, people: int = 4) -> Drill:
    """A drill of up to so many calls: the last one compares, those before it change what one of the two has."""
    names = [_word(rng).capitalize() for _ in range(people)]
    while len(set(names)) < people:
        names = [_word(rng).capitalize() for _ in range(people)]
    words = {key: _word(rng) for key in "xyz"} | {"thing": _word(rng) + "s"}
    owns, gives, glue = rng.choice(_OWNS), rng.choice(_GIVES), rng.choice((". ", ", "))
    numbers = [rng.randint(1, 10 ** rng.randint(2, 7)) for _ in range(people)]
    sentences = [f"{name} {owns} {n} {words['thing']}" for name, n in zip(names, numbers, strict=True)]

    a, b = rng.sample(range(people), 2)
    program: list[Pair] = []
    held, place = numbers[a], a
    others = rng.sample([i for i in range(people) if i not in (a, b)], min(calls - 1, people - 2))
    for k, other in enumerate(others[: rng.randint(0, len(others))]):
        gets, amount, at = rng.random() < 0.5, rng.randint(1, max(2, held)), len(numbers)
        numbers.append(amount)
        giver, receiver = (other, a) if gets else (a, other)
        sentences.append(f"{names[giver]} {gives} {amount} {words['thing']} to {names[receiver]}")
        program.append((place, at))
        first = 0 <= place < at  # a number comes before a result
        held = held + amount if gets else held - amount
        place = -1 - (CLAUSES * k + (0 if gets else 1 if first else 2))
    if held == numbers[b]:
        return draw_drill(rng, calls, people)
    program.append((place, b))
    winner, most = (a, held) if held > numbers[b] else (b, numbers[b])
    number = rng.random() < 0.5
    first, second = rng.sample([names[a], names[b]], 2)
    question = rng.choice(_NUMBER if number else _NAME).format(a=first, b=second, **words)
    passage, answer = glue.join(sentences) + ".", str(most) if number else names[winner]
    return Drill(passage, question, answer, tuple(_with_others(rng, program, len(numbers), calls)))


def _with_others(rng: random.Random, program: list[Pair], numbers: int, calls: int) -> list[Pair]:
    """The program among calls that tell nothing: a reader that finds the right lines among others is sure of them."""
    while len(program) < calls and rng.random() < OTHERS:
        i, j = rng.sample(range(numbers), 2)
        if {i, j} not in [{*pair} for pair in program]:
            at = rng.randint(0, len(program))
            # Results of later calls have other numbers then.
            program = [(_moved(a, at), _moved(b, at)) for a, b in program]
            program.insert(at, (i, j))
    return program


def _moved(value: int, at: int) -> int:
    return value - CLAUSES if value < -CLAUSES * at else value


def _word(rng: random.Random) -> str:
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice((1, 1, 2)))) + rng.choice(
        ("", "n", "sh", "k")
    )


class Drills:
    """Drills as a reader of symbols reads them.

    Args:
        model: it adds and subtracts, in this order.
        seed: of the drills.
    """

    def __init__(self, model: CalculatorReader, encoder: TextEncoder, seed: str):
        self.model, self.encoder, self.rng = model, encoder, random.Random(f"lines-{seed}")

    def draw(self, size: int, sizes: Sequence[int] = _PEOPLE) -> tuple[Batch, Tensor]:
        """So many new drills, and the programs that are given (size, calls).

        Args:
            sizes: of how many people they may be, all of them of as many.
        """
        people = self.rng.choice(sizes)
        drills = [draw_drill(self.rng, self.encoder.calls, people) for _ in range(size)]
        examples = [make_example(self.encoder, d.passage, d.question, [[d.answer]]) for d in drills]
        batch, calls = collate_examples(examples, self.encoder).to(self.model.device), self.model.calls
        assert batch.numbers is not None and calls is not None
        numbers = batch.numbers.there.shape[1]
        chosen = torch.tensor([_choices(d.program, numbers, calls) for d in drills], device=self.model.device)
        return self.model.views.draw(batch, self.model.training), chosen

    def read(self, batch: Batch, chosen: Tensor) -> tuple[SpanLogits, Tensor]:
        """What the model makes of them, and where their answers are: spans (size, spans, 2)."""
        assert self.model.calls is not None
        examples = torch.arange(len(chosen), device=chosen.device)
        view, spans = reading_after(batch, self.model.calls, self.model.views, examples, chosen)
        return self.model.read(view), spans

    @torch.no_grad()
    def accuracy(self, batches: int = 8, size: int = 32) -> float:
        """How often, in percent, the most probable start and end are those of an answer."""
        self.model.eval()
        right = []
        for _ in range(batches):
            (start, end), spans = self.read(*self.draw(size))
            best = torch.stack([start.argmax(-1), end.argmax(-1)], -1)
            right.append(float((spans == best[:, None]).all(-1).any(-1).float().mean()))
        self.model.train()
        return 100 * fmean(right)


class Memory:
    """How far a model has moved from what it made, when this began, of texts without a line.

    What it knows of a text, such as whose a number is, is what calls are chosen by. Drills do not need that and would
    spoil it: with them alone, a reader reads every line and learns the choice several times as slowly.
    """

    def __init__(self, model: CalculatorReader):
        self.model, self.before = model, deepcopy(model).eval().requires_grad_(False)

    def lost(self, batch: Batch) -> Tensor:
        """The squared distance as a share of the squared length, over all tokens."""
        text = batch.text
        now, before = (
            m.encode(m.embed(m.views.choosing(text)), text.attention, text.types) for m in (self.model, self.before)
        )
        there = text.attention[..., None]
        return ((now - before) * there).square().sum() / (before * there).square().sum()


def teach_lines(encoder: str, out: Path, log: Console, settings: Lines = Lines()) -> dict[str, float]:
    """Train a new reader on drills and write it to `out`; other readers begin with it as their encoder.

    Args:
        encoder: as `anzan.training.settings.ModelSettings` names it.
        out: a folder.

    Returns:
        The accuracy in percent on held-out drills, and the seconds that it took.

    Raises:
        ConfigError: no such encoder.
    """
    keep_freed_memory()
    torch.manual_seed(settings.seed)
    model, tokenizer = new_model(reader_of_lines(encoder, settings.calls))
    if torch.cuda.is_available():
        nn.Module.cuda(model)
    model.config.dropout = model.dropout.p = 0.0
    if settings.bf16:
        use_bfloat16_attention(model.encoder)
    text_encoder = TextEncoder.for_config(model.config, tokenizer)
    train, held_out = (Drills(model, text_encoder, f"{kind}-{settings.seed}") for kind in ("train", "held-out"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1.0, betas=(0.9, 0.98), weight_decay=0.01)
    rates = learning_rates(model, settings.learning_rate, settings.head_learning_rate)
    set_learning_rates(optimizer, model, rates)
    scheduler = get_wsd_schedule(
        optimizer, num_warmup_steps=40, num_decay_steps=settings.steps // 3, num_training_steps=settings.steps
    )
    model.train()
    memory = Memory(model)
    began, losses = time.monotonic(), []
    for step in range(1, settings.steps + 1):
        known = 3 + int(2 * step / settings.steps * len(_PEOPLE))  # all sizes after a third of the steps
        batch, chosen = train.draw(settings.batch_size, _PEOPLE[:known])
        with torch.autocast(model.device.type, torch.bfloat16, enabled=settings.bf16):
            logits, spans = train.read(batch, chosen)
            loss = span_loss(*logits, spans).mean() + MEMORY * memory.lost(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if step % EVERY == 0 or step == settings.steps:
            right = held_out.accuracy()
            seconds = time.monotonic() - began
            log.print(f"step {step}/{settings.steps}  loss {fmean(losses):.3f}  right {right:.1f} %  {seconds:.0f} s")
            losses.clear()
    right = held_out.accuracy(4 * len(_PEOPLE))
    learnt = {k: v for k, v in model.state_dict().items() if not k.startswith("scorer.")}  # calls were given
    model.save_pretrained(out, state_dict=learnt)
    tokenizer.save_pretrained(out)
    return {"accuracy": round(right, 2), "seconds": round(time.monotonic() - began, 1)}


def reader_of_lines(encoder: str, calls: int) -> ModelSettings:
    """The settings of a reader that is taught to read lines."""
    choice = ChoiceSettings(objective="sampled-marginal", options={})
    supervision = SupervisionSettings(argument_loss="marginal")
    return ModelSettings(
        numbers="symbols", calls=calls, choice=choice, supervision=supervision, encoder=encoder, encoder_dropout=0.0
    )


def _choices(program: Sequence[tuple[int, int]], numbers: int, calls: Calls) -> list[int]:
    """The choices of a program among those of a batch with so many numbers, with *stop* after its end."""
    ends = [calls.stop(call, numbers) for call in range(len(program), calls.calls)]
    return choices_of([(i, j, 0) for i, j in program], numbers, calls.clauses, 1) + ends
