"""A training run on one page: its settings, curves and scores, the audit, and answers with their calculations."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from anzan.report.page import marked, table, text, write_page
from anzan.report.rendering import free_scores

if TYPE_CHECKING:  # importing them loads torch
    from anzan.evaluation.verdict import Audit
    from anzan.reader import Answer
    from anzan.tasks.problem import Problem

SHOWN = 20
"""How many answers the page shows, wrong ones first."""


def write_report(
    result: Mapping[str, Any],
    curves: Path,
    audit: Audit | None,
    problems: Sequence[Problem],
    answers: Sequence[Answer],
    path: Path,
) -> None:
    """Writes a self-contained page. All text from the data is escaped.

    Args:
        result: The result of `anzan.training.train`.
        curves: A PNG file.
        audit: None for a reader without a calculator.
        problems: Problems, some of which are shown.
        answers: The answer to each problem.
        path: The HTML file to write.
    """
    facts = [
        f"recipe {result['recipe']}, {result['scale']}, seed {result['seed']}",
        f"{result['encoder']}, {result['parameters']:,} parameters",
        f"{result['train_size']:,} problems, {result['train_steps']:,} steps, {result['train_s']:,.0f} s of training",
        f"{result['device']}, commit {result['commit']}",
    ]
    body = [f"<p>{text('; '.join(facts))}.</p>", f"<p><code>{text(result['command'])}</code></p>"]
    for split, metrics in (("development", result["dev_metrics"]), ("evaluation", result["metrics"])):
        if metrics:
            body += [f"<h2>Scores on the {split} split, in percent</h2>", _scores(metrics)]
    if audit is not None:
        body += [
            f"<h2>Is the tool used? {text(audit.verdict.upper())}</h2>",
            f"<p>{text(audit.evidence)}.</p>",
            _audit(audit),
        ]
    picture = base64.b64encode(curves.read_bytes()).decode()
    body.append(f'<h2>Curves</h2><img alt="losses and scores" src="data:image/png;base64,{picture}">')
    body += ["<h2>Answers, wrong ones first</h2>", _answers(problems, answers)]
    settings = yaml.safe_dump(dict(result["config"]), sort_keys=False, allow_unicode=True)
    body.append(f"<details><summary>Configuration</summary><pre>{text(settings)}</pre></details>")
    write_page("".join(body), f"{result['experiment']}: {result['cell']}", path)


def _scores(metrics: Mapping[str, Any]) -> str:
    names = {"f1": "F1", "em": "EM", "signed_em": "signed EM", "argument_accuracy": "right arguments", "n": "n"}
    groups = {"all": metrics, **metrics.get("by_kind", {})}
    groups |= {f"from the {source}": m for source, m in metrics.get("by_source", {}).items()}
    if free := free_scores(metrics):
        groups["free draw"] = free
    return table(
        ("", *names.values()), [(text(name), *(text(m.get(k, "-")) for k in names)) for name, m in groups.items()]
    )


def _audit(audit: Audit) -> str:
    rows = [
        (text(name), f"{i.mean:.1f}", f"{i.low:.1f} to {i.high:.1f}", f"{i.n:,}")
        for group in audit.figures()
        for name, i in group
    ]
    return table(("in percent", "", "95 %", "n"), rows)


def _answers(problems: Sequence[Problem], answers: Sequence[Answer]) -> str:
    """The answers with the lowest exact match and F1."""
    from anzan.evaluation.drop_metric import drop_em_f1

    scored = [(drop_em_f1(a.answer, p.answers), p, a) for p, a in zip(problems, answers, strict=True)]
    scored.sort(key=lambda each: each[0])
    return "".join(_example(problem, answer, right=em == 1) for (em, _), problem, answer in scored[:SHOWN])


def _example(problem: Problem, answer: Answer, right: bool) -> str:
    marks = {
        where: [(m.start, m.end) for step in answer.steps for m in step.arguments if m.where == where]
        for where in ("passage", "question")
    }
    gold = " or ".join(", ".join(spans) for spans in problem.answers)
    verdict = "right" if right else f'<b class="wrong">wrong</b>, not {text(gold)}'
    steps = "".join(f"<br><code>{text(step.calculation)}</code>" for step in answer.steps)
    return (
        f"<p><b>{text(answer.answer or 'no answer')}</b> from the {text(answer.source or 'text')}: {verdict}<br>"
        f"{marked(problem.question, marks['question'])}<br><small>{marked(problem.passage, marks['passage'])}</small>"
        f"{steps}</p><hr>"
    )
