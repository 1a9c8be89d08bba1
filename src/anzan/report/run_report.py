"""A training run on one page: how it was made, its curves and scores, the audit, and answers with their working."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from anzan.evaluation import Audit, drop_em_f1
from anzan.reader.reader import Answer
from anzan.report.page import marked, table, text, write_page
from anzan.tasks.problem import Problem

SHOWN = 20
"""Answers on the page, wrong ones first."""


def write_report(
    result: Mapping[str, Any],
    curves: Path,
    audit: Audit | None,
    problems: Sequence[Problem],
    answers: Sequence[Answer],
    path: Path,
) -> None:
    """Write the page; it needs no network, and everything from the data is escaped.

    Args:
        result: what `anzan.training.trainer.train` returns.
        curves: a PNG.
        audit: None for a reader without a calculator.
        problems, answers: from which the ones shown are taken.
        path: the HTML file.
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
    body.append("<h2>Answers, wrong ones first</h2>")
    ranked = sorted(zip(problems, answers, strict=True), key=lambda pair: drop_em_f1(pair[1].answer, pair[0].answers))
    body += [_example(*pair) for pair in ranked[:SHOWN]]
    settings = yaml.safe_dump(dict(result["config"]), sort_keys=False, allow_unicode=True)
    body.append(f"<details><summary>Configuration</summary><pre>{text(settings)}</pre></details>")
    write_page("".join(body), f"{result['experiment']}: {result['cell']}", path)


def _scores(metrics: Mapping[str, Any]) -> str:
    names = {"f1": "F1", "em": "EM", "signed_em": "signed EM", "argument_accuracy": "right arguments", "n": "n"}
    groups = {"all": metrics, **metrics.get("by_kind", {})}
    groups |= {f"from the {source}": m for source, m in metrics.get("by_source", {}).items()}
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


def _example(problem: Problem, answer: Answer) -> str:
    right = drop_em_f1(answer.answer, problem.answers)[0] == 1
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
