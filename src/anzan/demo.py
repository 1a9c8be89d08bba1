"""The demo: a small reader trained in minutes, measured beside what cheating would score, and asked by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from anzan.evaluation import evaluate_under
from anzan.evaluation.interventions import BLANKED, WRONG_RESULTS, blanked, wrong_results
from anzan.presets import load_config
from anzan.reader.reader import Reader
from anzan.report.rendering import answer_view, audit_line, figure, free_scores
from anzan.settings import ConfigError
from anzan.tasks.possession import guessing_scores
from anzan.training.data import SEED, draw
from anzan.training.model_card import model_card
from anzan.training.results import write_json
from anzan.training.run import train

# (passage, question, answer), with names and things that are in neither training nor pre-training. The giver wins once
# and loses once, so knowing the roles is not enough.
TYPED = (
    (
        "Priya has 8,312,540 flutes. Mateo has 5,104,377 flutes. Ingrid has 6,020,815 flutes. "
        "Kofi has 4,731,069 flutes. Priya gave 1,906,218 flutes to Kofi.",
        "What is the maximum number of flutes owned either by Priya or Ingrid?",
        "6406322",
    ),
    (
        "Omar has 6,518,204 lanterns. Yuki has 7,903,611 lanterns. Leila has 3,447,920 lanterns. "
        "Bjorn has 5,986,372 lanterns. Yuki gave 2,115,873 lanterns to Leila.",
        "Who has more lanterns: Bjorn or Yuki?",
        "Bjorn",
    ),
    (
        "Tariq has 2,864,905 globes. Saoirse has 4,190,336 globes. Chidi has 5,721,048 globes. "
        "Anneke has 6,035,792 globes. Anneke gave 1,377,514 globes to Tariq.",
        "What is the maximum number of globes owned either by Saoirse or Tariq?",
        "4242419",
    ),
)


def run_demo(out: Path, log: Console, show: Console | None = None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Train the preset `demo`, measure it, ask the questions in `TYPED`, and write everything to `out`.

    Args:
        out: replaced if it contains an earlier demo.
        log: for progress.
        show: for what there is to see, by default standard output.
        overrides: of settings, `key=value`.

    Returns:
        The result, as written to `out/result.json`. Its metrics include `f1_blanked` (the reader sees no output of the
        calculator), `f1_wrong_results` (random numbers as results), `f1_free` (free problems), `role_guessing` and
        `leading_digit_guessing`.

    Raises:
        FileExistsError: `out` contains something other than a finished demo.
        ConfigError: settings that cannot be used.
    """
    show = show or Console(highlight=False, markup=False)
    config = load_config("demo", overrides)
    if config.data.possession is None:
        raise ConfigError("data.possession: the demo draws its own problems; use `anzan train` for files")
    _check_replaceable(out)
    # Atomic: an earlier demo stays until this one is complete.
    draft = out.resolve().with_name(f".{out.resolve().name}.unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    p = config.data.possession
    log.print(f"training on {p.train_size:,} problems of {p.people} people, {p.most_digits} digits a number")
    reader, result = train(config, draft, log=log)

    log.print("measuring: calculator blanked, wrong results, guessing")
    problems = draw(p, "eval")
    metrics = result["metrics"]
    tampered = evaluate_under(reader, problems, [blanked(), wrong_results(reader.text_encoder)])
    groups = {"all": problems} | {kind: [q for q in problems if q.kind == kind] for kind in metrics["by_kind"]}
    guesses = {name: guessing_scores(group) for name, group in groups.items()}
    metrics |= {f"{k}_{name}": scores[k] for name, scores in tampered.items() for k in ("f1", "em")}
    metrics["role_guessing"] = guesses["all"].get("role")
    metrics["leading_digit_guessing"] = guesses["all"]["leading_digits"]
    write_json(draft / "result.json", result)
    (draft / "README.md").write_text(model_card(result), encoding="utf-8")

    _check_replaceable(out)
    if out.exists():
        shutil.rmtree(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft.rename(out)

    measured = {
        "model": metrics,
        "calculator blanked": tampered[BLANKED],
        "wrong results": tampered[WRONG_RESULTS],
    }
    title = f"{len(problems):,} unseen problems after {result['train_s']:.0f} s of training"
    show.print(comparison(measured, guesses, title))
    free, names = free_scores(metrics), {"f1": "F1", "em": "EM", "argument_accuracy": "arguments"}
    figures = ", ".join(f"{label} {figure(free[name])}" for name, label in names.items() if name in free)
    show.print(f"Free problems, worded as in the paper and not balanced: {figures}")
    show.print("Guessers name the winner; on max, the winner's number is still to be found.", style="dim")
    if audit := result["audit"]:
        show.print(audit_line(audit["verdict"], f"{audit['evidence']} ({audit['n']} problems)"))
    ask_typed(reader, show)
    show.print(f"\nmodel:   {out}\nreport:  {out / 'report.html'}\nresult:  {out / 'result.json'}", soft_wrap=True)
    show.print(
        f"\nnext:\n  anzan ask {out} --passage '...' --question '...'"
        # Another seed: this one would draw the training problems again.
        f"\n  anzan generate possession --people {p.people} --transfer --seed {SEED + 1} -o problems.jsonl"
        f"\n  anzan evaluate {out} problems.jsonl\n  anzan audit {out} problems.jsonl",
        soft_wrap=True,
    )
    return result


def _check_replaceable(out: Path) -> None:
    """Raise FileExistsError unless a demo wrote the folder, or it is empty."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        made_here = json.loads((out / "result.json").read_text(encoding="utf-8"))["experiment"] == "demo"
    except (OSError, ValueError, KeyError, TypeError):
        made_here = False
    if not made_here:
        raise FileExistsError(f"{out} is not empty and no demo: choose another --out")


def comparison(measured: dict[str, dict[str, Any]], guesses: dict[str, dict[str, float]], title: str) -> Table:
    """A table of measurements, by name, and of guessers: overall and by kind of question."""
    table = Table(title=f"{title}, in percent", title_justify="left")
    for name in ("questions", "answered by", "F1", "EM", "signed EM", "arguments"):
        table.add_column(name, justify="right" if name in ("F1", "EM", "signed EM", "arguments") else "left")
    for group, scores in guesses.items():
        rows = {
            **{name: m if group == "all" else m["by_kind"][group] for name, m in measured.items()},
            "guess by role": {"f1": scores.get("role"), "em": scores.get("role")},
            "guess by leading digits": {"f1": scores["leading_digits"], "em": scores["leading_digits"]},
        }
        for i, (name, row) in enumerate(rows.items()):
            figures = (figure(row.get(key)) for key in ("f1", "em", "signed_em", "argument_accuracy"))
            table.add_row(group if i == 0 else "", name, *figures, style="bold" if i == 0 else None)
        table.add_section()
    return table


def ask_typed(reader: Reader, show: Console) -> None:
    """Ask the questions in `TYPED`, and show which answers are right."""
    for passage, question, gold in TYPED:
        answer = reader.ask(passage, question)
        show.print()
        show.print(answer_view(passage, question, answer, show))
        verdict = ("right", "green") if answer.answer.replace(",", "") == gold else (f"wrong, it is {gold}", "red")
        show.print(Text.assemble("             ", verdict))
