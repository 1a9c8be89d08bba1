"""`anzan ask` and `anzan explain`: questions typed by the user, or read from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anzan.cli.inputs import check_text, load_reader
from anzan.cli.options import Json, Model
from anzan.cli.output import print_json, stderr, stdout
from anzan.errors import AnzanError

if TYPE_CHECKING:
    from anzan.reader import Reader
    from anzan.tasks.questions import Question

CHUNK = 512
"""Questions of `ask --input` that are answered together: enough for batches of texts of similar length."""


def ask(
    model: Model,
    passage: Annotated[str | None, typer.Option(metavar="TEXT", help="The text to read.")] = None,
    question: Annotated[str | None, typer.Option(metavar="TEXT", help="The question to answer.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE.jsonl", help="Many questions: a passage and a question per line."),
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--output", metavar="FILE.jsonl", help="The file to write their answers to.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask a reader, and see what it used and calculated."""
    if source is not None or target is not None:
        if source is None or target is None:
            raise typer.BadParameter("--input and --output go together: give both")
        if passage is not None or question is not None:
            raise typer.BadParameter("--passage and --question are for one question, --input for many: give either")
        _ask_many(model, source, target, as_json)
        return
    if passage is None or question is None:
        missing = "--passage" if passage is None else "--question"
        raise typer.BadParameter(f"{missing} is missing; give --passage and --question, or --input and --output")
    check_text(passage, question)
    answer = load_reader(model).ask(passage, question)
    if as_json:
        print_json(answer.to_json())
        return
    from anzan.report import answer_view

    show = stdout()
    show.print(answer_view(passage, question, answer, show))


def explain(
    model: Model,
    passage: Annotated[str, typer.Option(metavar="TEXT", help="The text to read.")],
    question: Annotated[str, typer.Option(metavar="TEXT", help="The question to answer.")],
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", metavar="FILE", help="page.html or picture.png. Repeatable.  [default: why.html]"),
    ] = None,
) -> None:
    """Ask a reader, and draw what its answer depends on.

    The page shows tokens, pairs of numbers and other answers.
    """
    files = out or [Path("why.html")]
    for path in files:
        if path.suffix.lower() not in (".html", ".png"):
            raise typer.BadParameter(f"--out {path}: unknown kind of file; name it .html or .png")
        if not path.parent.is_dir():
            raise AnzanError(f"{path.parent}: no such folder; create it or choose another --out")
    check_text(passage, question)
    reader = load_reader(model)
    from anzan.evaluation import explain as run
    from anzan.report import answer_view, write_explanation, write_png

    found = run(reader, passage, question)
    show = stdout()
    show.print(answer_view(passage, question, found.answer, show))
    for path in files:
        if path.suffix.lower() == ".html":
            write_explanation(found, path)
        else:
            write_png(found.answer, found.tokens, question, path)
        show.print(f"written: {path}", soft_wrap=True)


def _ask_many(model: Path, source: Path, target: Path, as_json: bool) -> None:
    from anzan.files import whole_file
    from anzan.progress import progress_bar

    if source.exists() and not source.is_file():
        raise AnzanError(f"{source}: not a regular file; save it first, and give its path")
    with open(source, "rb") as lines:  # errors before the model is loaded, which takes seconds
        total = sum(1 for _ in lines)
    if target.exists() and target.samefile(source):
        raise AnzanError(f"{target}: also the input; choose another --output")
    reader = load_reader(model)
    answered, faults, log = 0, list[AnzanError](), stderr()
    with whole_file(target) as file, progress_bar(log) as bar:
        task = bar.add_task("asking", total=total)

        def report(fault: AnzanError) -> None:
            faults.append(fault)
            log.print(str(fault))

        questions = _usable(reader, source, report)
        while chunk := list(islice(questions, CHUNK)):
            answers = reader.ask_many((q.passage, q.question) for _, q in chunk)
            for (line, q), answer in zip(chunk, answers, strict=True):
                record = {"line": line} | ({} if q.id is None else {"id": q.id}) | answer.to_json()
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            answered += len(chunk)
            bar.update(task, completed=chunk[-1][0])
    if as_json:
        print_json({"output": str(target), "answered": answered, "failed": len(faults)})
    summary = f"{answered:,} answered in {target}"
    if faults:
        raise AnzanError(f"{summary}, {len(faults):,} of {answered + len(faults):,} lines could not be used")
    log.print(summary)


def _usable(reader: Reader, source: Path, report: Callable[[AnzanError], None]) -> Iterator[tuple[int, Question]]:
    """The questions of a file that this reader can read, with their line numbers; the others are reported."""
    from anzan.tasks.questions import Question, scan_questions

    for number, item in scan_questions(source):
        if not isinstance(item, Question):
            report(item)
            continue
        try:
            reader.text_encoder.text(item.passage, item.question)
        except AnzanError as error:
            report(AnzanError(f"{source}, line {number}, passage: {error}"))
        else:
            yield number, item
