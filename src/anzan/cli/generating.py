"""`anzan generate`: synthetic problems as a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from anzan.cli.options import from_fields
from anzan.cli.output import stderr
from anzan.errors import AnzanError


@dataclass
class PossessionOptions:
    """The options of `anzan generate possession`, see `anzan.tasks.possession.Possession`."""

    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The JSONL file to write.")]
    people: Annotated[int, typer.Option(help="People in a passage.")] = 10
    digits: Annotated[int, typer.Option(help="Digits of each number.")] = 7
    max_digits: Annotated[int | None, typer.Option(help="Draw numbers of 1 to this many digits instead.")] = None
    transfer: Annotated[bool, typer.Option("--transfer/--no-transfer", help="Somebody gives some away.")] = False
    transfers: Annotated[int, typer.Option(min=1, max=2, help="With --transfer, how many; two need two calls.")] = 1
    questions: Annotated[str, typer.Option(help="max, argmax, or both: max,argmax.")] = "max,argmax"
    gap: Annotated[
        float,
        typer.Option(
            help="After a transfer, how far apart the two compared numbers are at most, in leading digits, up to 10."
        ),
    ] = 0.2
    draw: Annotated[
        Literal["balanced", "free"],
        typer.Option(help="free: one sentence with commas, as in the paper; nothing is balanced. No --bias, no --gap."),
    ] = "balanced"
    size: Annotated[int, typer.Option(help="Number of problems.")] = 1000
    seed: Annotated[int, typer.Option(help="The same seed gives the same problems.")] = 0
    split: Annotated[str, typer.Option(help="Another split is another stream of problems.")] = "train"
    bias: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=p",
            help="Tilt a cue on purpose: asked-order, mention-order, name, role or leading-digits. Repeatable.",
        ),
    ] = None


@from_fields(PossessionOptions)
def possession(options: PossessionOptions) -> None:
    """The paper's problems: who owns how many grapes, and who has more."""
    from anzan.tasks import Possession, generate, guessing_scores, write_problems
    from anzan.tasks.possession import QUESTIONS

    if options.transfers == 2 and not options.transfer:
        raise AnzanError("--transfers 2: needs --transfer; add it or leave --transfers out")
    questions = {q.strip() for q in options.questions.split(",")}
    drawn = Possession(
        people=options.people,
        digits=options.digits,
        max_digits=options.max_digits,
        transfers=options.transfers if options.transfer else 0,
        # Sorted, as in training: another order would be another stream of problems.
        questions=QUESTIONS if questions == {"both"} else tuple(sorted(questions)),
        bias=dict(_bias(text) for text in options.bias or []),
        gap=options.gap,
        draw=options.draw,
    )
    problems = generate(drawn, options.size, options.seed, options.split)
    write_problems(problems, options.out)
    _report(options.size, options.out, "the winner (50 is chance)", guessing_scores(problems))


@dataclass
class WorldsOptions:
    """The options of `anzan generate worlds`, see `anzan.tasks.worlds.Worlds`."""

    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The JSONL file to write.")]
    kinds: Annotated[
        str, typer.Option(help="all, train (without the tenth that is held out), held-out, or names: gain,loss.")
    ] = "all"
    held_out_words: Annotated[
        bool, typer.Option("--held-out-words", help="Names and things that training problems never have.")
    ] = False
    calls: Annotated[int, typer.Option(min=0, max=3, help="The most calls of the calculator that are needed.")] = 3
    others: Annotated[
        int, typer.Option(min=0, help="How often each problem is told with other numbers as well, in meta.others.")
    ] = 0
    size: Annotated[int, typer.Option(help="Number of problems.")] = 1000
    seed: Annotated[int, typer.Option(help="The same seed gives the same problems.")] = 0
    split: Annotated[str, typer.Option(help="Another split is another stream of problems.")] = "train"


@from_fields(WorldsOptions)
def worlds(options: WorldsOptions) -> None:
    """Everyday text about quantities: owners, prices, trips, groups, games, and what happens to them."""
    from anzan.tasks import write_problems
    from anzan.tasks.worlds import STORIES, Worlds, generate_worlds, guessing_scores, held_out_kinds, training_kinds

    named = {"all": (), "train": (*training_kinds(), *STORIES), "held-out": tuple(held_out_kinds())}
    kinds = named.get(options.kinds, tuple(k.strip() for k in options.kinds.split(",")))
    drawn = Worlds(kinds=kinds, held_out=options.held_out_words, calls=options.calls, others=options.others)
    problems = generate_worlds(drawn, options.size, options.seed, options.split)
    write_problems(problems, options.out)
    _report(options.size, options.out, "the answer", guessing_scores(problems))


def _report(size: int, out: Path, what: str, scores: dict[str, float]) -> None:
    log = stderr()
    log.print(f"{size:,} problems in {out}")
    log.print(f"guessing {what} without a working calculator, percent right:")
    for name, score in scores.items():
        log.print(f"  {name.replace('_', ' '):18}{score:5.1f}")


def _bias(text: str) -> tuple[str, float]:
    kind, _, p = text.partition("=")
    try:
        return kind, float(p)
    except ValueError:
        raise AnzanError(f"--bias {text}: write KIND=p, for example role=0.9") from None
