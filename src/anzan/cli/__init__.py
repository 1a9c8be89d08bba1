"""The command line.

Whatever loads torch or transformers is imported inside the commands: `anzan --help` should answer at once.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from typer.core import TyperGroup

from anzan import __version__
from anzan.arithmetic import functions
from anzan.errors import AnzanError
from anzan.files import whole_file
from anzan.progress import progress_bar
from anzan.report.rendering import answer_view, audit_view, scores_table
from anzan.tasks.fields import DataError
from anzan.tasks.possession import BIASES, QUESTIONS, Possession, guessing_scores
from anzan.tasks.possession import generate as generate_possession
from anzan.tasks.problem import Problem, write_problems
from anzan.tasks.questions import Question, scan_questions
from anzan.training.settings import load_config, preset_names

if TYPE_CHECKING:
    from anzan.reader.reader import Reader

CHUNK = 512
"""Lines of `ask --input` that are answered together: enough to batch texts of like length."""
INTERRUPTED = 130
"""The exit status after Ctrl-C."""
FAULTS = 20
"""Bad lines of a data file that are told one by one."""


# -- errors ------------------------------------------------------------------------------------------------------
class OneLineErrors(TyperGroup):
    """Commands whose errors are a line on standard error and a non-zero exit, never a traceback."""

    def main(self, *args: Any, standalone_mode: bool = True, **kwargs: Any) -> Any:
        """Run a command and exit."""
        try:
            status = super().main(*args, standalone_mode=False, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:  # `anzan ... | head`: nobody is listening any more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        except Exception as error:
            if os.environ.get("ANZAN_DEBUG"):
                raise
            line, status = error_line(error)
            print(line, file=sys.stderr)
        sys.exit(status if isinstance(status, int) else 0)


def error_line(error: Exception) -> tuple[str, int]:
    """An error as one line for the user, one a bad line of data, and the exit status."""
    if isinstance(error, typer.Abort):
        return "anzan: interrupted", INTERRUPTED
    usage = getattr(error, "format_message", None)  # a misspelt command or option
    if usage is not None:
        if type(error).__name__ == "NoArgsIsHelpError":
            return usage(), 2
        return f"anzan: {_one_line(usage())} (see {_help_command(error)})", 2
    if isinstance(error, OSError):
        return f"anzan: {_one_line(f'{error.filename}: {error.strerror}' if error.filename else error)}", 1
    if isinstance(error, DataError):  # one line for each line of the file that is bad
        return "\n".join(_one_line(f"anzan: {fault}") for fault in [error, *error.faults[1:FAULTS]]), 1
    if isinstance(error, AnzanError):
        return f"anzan: {_one_line(error)}", 1
    surprise = f"{type(error).__name__}: {_one_line(error)}"
    return f"anzan: unexpected {surprise[:300]} (set ANZAN_DEBUG=1 to see where)", 1


def _help_command(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'anzan'} --help"


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


# -- what the commands share -------------------------------------------------------------------------------------
app = typer.Typer(
    cls=OneLineErrors,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # its panels take longer to import than all else that help needs
    help="A reader that learns to use a calculator from answers alone.",
)
generator = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(generator, name="generate", help="Draw synthetic problems.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `train` or `demo` wrote.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Settings to change, e.g. train.seed=1."),
]
Results = Annotated[Path | None, typer.Option(metavar="DIR", help="A ledger of results to add it to.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"anzan {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    allow_imports: Annotated[
        bool,
        typer.Option("--allow-imports", help="Import functions that settings or a model name (module:function)."),
    ] = False,
) -> None:
    if allow_imports:
        sys.path.insert(0, "")  # a file of the user's own in this folder, as `python -m` finds it
        functions.allow_imports()
    # The user's own text may hold what this terminal cannot print.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _log() -> Console:
    """Progress goes to standard error; in a file at full width."""
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False, markup=False)


def _out() -> Console:
    return Console(highlight=False, markup=False)


def _print_json(value: Mapping[str, Any]) -> None:
    # ASCII, so that it arrives whole whatever the encoding of standard output.
    print(json.dumps(value))


def _quiet() -> None:
    """Keep the libraries' warnings and progress bars out of our output. Imports transformers."""
    if os.environ.get("ANZAN_DEBUG"):
        return
    warnings.simplefilter("ignore")
    from transformers.utils import logging as transformers_logging

    # After the import, which sets them.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def _load(model: Path) -> Reader:
    _quiet()
    from anzan.reader.reader import Reader

    return Reader.load(model)


@contextmanager
def _passes(reader: Reader, total: int, description: str) -> Iterator[None]:
    """A bar for what a reader does in it, `total` passes over a text."""
    with progress_bar(_log()) as bar:
        task = bar.add_task(description, total=total)
        reader.on_pass = lambda texts: bar.advance(task, texts)
        try:
            yield
        finally:
            reader.on_pass = None


def _add_to_ledger(result: dict[str, Any], root: Path | None) -> None:
    if root is None:
        return
    from anzan.training.results import save_result

    _out().print(f"ledger: {save_result(result, root)}", soft_wrap=True)


# -- commands ----------------------------------------------------------------------------------------------------
@app.command()
def demo(
    overrides: Overrides = None,
    out: Annotated[Path, typer.Option(help="Where it goes; an earlier demo is replaced.")] = Path("runs/demo"),
    results: Results = None,
) -> None:
    """Train the small reader end to end and measure it."""
    _quiet()
    from anzan.demo import run_demo
    from anzan.training.pause import SliceOver

    try:
        result = run_demo(out, _log(), _out(), overrides or [])
    except SliceOver:  # half a demo is none
        raise typer.Abort from None
    _add_to_ledger(result, results)


@generator.command("possession")
def possession(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The JSONL file to write.")],
    people: Annotated[int, typer.Option(help="People in a passage.")] = 10,
    digits: Annotated[int, typer.Option(help="Digits of each number.")] = 7,
    max_digits: Annotated[int | None, typer.Option(help="Draw 1 to so many digits instead.")] = None,
    transfer: Annotated[bool, typer.Option("--transfer/--no-transfer", help="One of them gives some away.")] = False,
    transfers: Annotated[int, typer.Option(min=1, max=2, help="How many times, 1 or 2: two need two calls.")] = 1,
    questions: Annotated[str, typer.Option(help="max, argmax, or both: max,argmax.")] = "max,argmax",
    gap: Annotated[
        float, typer.Option(help="After a transfer, how far apart the two are: at most so many leading digits; to 10.")
    ] = 0.2,
    size: Annotated[int, typer.Option(help="Problems to draw.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same problems.")] = 0,
    split: Annotated[str, typer.Option(help="Another split is another stream of problems.")] = "train",
    bias: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=p", help=f"Tilt a cue on purpose, repeatable: {', '.join(BIASES)}."),
    ] = None,
) -> None:
    """The paper's problems: who owns how many grapes, and who has more."""
    if transfers == 2 and not transfer:
        raise AnzanError("--transfers 2: needs --transfer; add it or leave --transfers out")
    drawn = Possession(
        people=people,
        digits=digits,
        max_digits=max_digits,
        transfers=transfers if transfer else 0,
        # Sorted, as in training: another order would be another stream of problems.
        questions=QUESTIONS if questions == "both" else tuple(sorted({q.strip() for q in questions.split(",")})),
        bias=dict(_bias(text) for text in bias or []),
        gap=gap,
    )
    problems = generate_possession(drawn, size, seed, split)
    write_problems(problems, out)
    log = _log()
    log.print(f"{size:,} problems in {out}")
    log.print("guessing the winner without a working calculator, percent right (50 is chance):")
    for name, score in guessing_scores(problems).items():
        log.print(f"  {name.replace('_', ' '):16}{score:5.1f}")


def _bias(text: str) -> tuple[str, float]:
    kind, _, p = text.partition("=")
    try:
        return kind, float(p)
    except ValueError:
        raise AnzanError(f"--bias {text}: write KIND=p, for example role=0.9") from None


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the encoder goes.")],
    seed: Annotated[int | None, typer.Option(help="The recipe's own by default.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="The recipe's own by default.")] = None,
) -> None:
    """Make the encoder anzan-tiny from a seed."""
    _need_empty(out)
    _quiet()
    from anzan.pretraining import Recipe
    from anzan.pretraining import pretrain as run

    recipe = Recipe()
    if seed is not None:
        recipe = replace(recipe, seed=seed)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    with redirect_stdout(sys.stderr):  # it reports as it goes
        skills = run(recipe, out)
    _out().print("\n".join([*(f"{name:24} {value:5.1f} %" for name, value in skills.items()), f"encoder: {out}"]))


def _need_empty(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty: choose another --out")


@app.command(help=f"Train a reader. Presets: {', '.join(preset_names())}.")
def train(
    preset: Annotated[str, typer.Argument(metavar="PRESET_OR_YAML", help="A preset, or a YAML file.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where everything goes.")],
    overrides: Overrides = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")] = False,
    results: Results = None,
) -> None:
    config = load_config(preset, overrides or [])
    _quiet()
    from anzan.training.pause import SliceOver
    from anzan.training.trainer import train as run

    try:
        _, result = run(config, out, resume, _log())
    except SliceOver as over:
        _log().print(f"stopped and saved: {over}; the same command with --resume goes on")
        raise typer.Exit(INTERRUPTED) from None
    if os.environ.get("RANK", "0") != "0":  # one of several processes that have trained together
        return
    show = _out()
    for split, metrics in (("development", result["dev_metrics"]), ("evaluation", result["metrics"])):
        if metrics:
            show.print(scores_table(metrics, title=split))
    show.print(f"model: {out}\nreport: {out / 'report.html'}\nresult: {out / 'result.json'}", soft_wrap=True)
    _add_to_ledger(result, results)


@app.command()
def reproduce(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="table3, table4, figure2, bias, training-size, ...")],
    overrides: Overrides = None,
    scale: Annotated[str, typer.Option(help="smoke (seconds), laptop, or paper (a GPU).")] = "laptop",
    recipe: Annotated[list[str] | None, typer.Option(help="paper, span, faithful, faithful-joint; repeatable.")] = None,
    cell: Annotated[
        list[str] | None, typer.Option(help="For example plain/argmax; repeatable, all by default.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Repeatable.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many, to go on with the next call.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Cells at a time, each on its share of the cores.")] = 1,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="On this machine, or on Ray: here, or where RAY_ADDRESS says.")
    ] = "local",
    runs: Annotated[Path, typer.Option(metavar="DIR", help="Where models go.")] = Path("runs/reproduce"),
    results: Annotated[Path, typer.Option(metavar="DIR", help="The ledger of results.")] = Path("results"),
    page: Annotated[Path, typer.Option(metavar="FILE", help="What is written from it.")] = Path("docs/results.md"),
) -> None:
    """Train and measure the cells of one of the paper's tables; cells that have a result are left alone."""
    _quiet()
    from anzan.paper import run as running
    from anzan.paper import tables
    from anzan.paper.local import reproduce_side_by_side
    from anzan.paper.page import write_page
    from anzan.training.pause import SliceOver
    from anzan.training.settings import ConfigError

    changes = overrides or []
    planned = tables.plan(table, scale, recipe or ["paper"], cell or [], seed or [0], changes)
    log, left = _log(), None
    if engine == "ray" and minutes is not None:
        raise ConfigError("--minutes: not with --engine ray; leave it out")
    if engine == "ray" and table == "figure2":
        raise ConfigError("--engine ray: figure2 draws a model that is here; leave --engine out")
    try:
        if engine == "ray":
            from anzan.paper.on_ray import reproduce_on_ray

            reproduce_on_ray(planned, runs, results, log, jobs, running.quoted(changes))
        elif jobs > 1:
            reproduce_side_by_side(planned, runs, results, log, jobs, minutes, running.quoted(changes))
        else:
            running.reproduce(planned, runs, results, log, minutes, running.quoted(changes))
    except SliceOver as over:
        left = over
    if table == "figure2" and left is None:
        for path in running.draw_figure2(planned, runs, page.parent):
            _out().print(f"figure:  {path}", soft_wrap=True)
    write_page(results, page)
    _out().print(f"results: {results}\npage:    {page}", soft_wrap=True)
    if left is not None:
        _out().print(f"to go on, give the same command again ({left})", soft_wrap=True)
        if left.interrupted:
            raise typer.Exit(INTERRUPTED)


@app.command()
def evaluate(
    model: Model,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="JSONL, DROP's JSON, SVAMP's CSV, or hub:NAME:SPLIT.")],
    as_json: Json = False,
) -> None:
    """Measure a reader on a file of problems."""
    problems = _problems(data)
    reader = _load(model)
    from anzan.evaluation import evaluate as run

    calls = reader.text_encoder.calls if reader.text_encoder.calculator.operations else 0
    with _passes(reader, len(problems) * (1 + calls), "answering"):
        metrics = run(reader, problems)
    if as_json:
        _print_json({"model": str(model), "data": str(data), "metrics": metrics})
    else:
        _out().print(scores_table(metrics, title=f"{model} on {data}"))


def _problems(data: Path) -> list[Problem]:
    from anzan.tasks.formats import read_any

    if str(data).startswith("hub:"):
        _quiet()  # a name that the hub does not know is tried again and again, aloud
    problems = read_any(data)
    if not problems:
        raise DataError(f"{data}: no problem in it; give a file with some")
    return problems


@app.command()
def audit(
    model: Model,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="JSONL, DROP's JSON, SVAMP's CSV, or hub:NAME:SPLIT.")],
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn: wrong results, other examples, intervals.")] = 0,
    as_json: Json = False,
) -> None:
    """Tell whether a reader uses its calculator: its answers with the calculator's output tampered with."""
    problems = _problems(data)
    reader = _load(model)
    from anzan.evaluation import audit_reader, passes

    with _passes(reader, passes(reader, problems), "answering, with other outputs of the calculator too"):
        found = audit_reader(reader, problems, seed)
    if as_json:
        _print_json({"model": str(model), "data": str(data), "audit": found.to_json()})
    else:
        _out().print(audit_view(found, title=f"{model} on {data}"))


@app.command()
def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="The address to listen on; anything but loopback lets others in.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 7860,
    name: Annotated[
        list[str] | None, typer.Option(help="A name it may be asked for by, beside addresses; repeatable.")
    ] = None,
    per_minute: Annotated[int, typer.Option(min=1, help="Questions a minute from one address.")] = 60,
) -> None:
    """Open a page where a reader can be asked, and looked at while it answers."""
    try:
        from anzan.web import Limits, listen
        from anzan.web import serve as run
    except ModuleNotFoundError as error:
        raise AnzanError(f"serve needs {error.name}: pip install 'anzan[web]'") from None

    with listen(host, port) as place:
        run(_load(model), model.resolve().name, place, Limits(per_minute=per_minute), _log(), [host, *(name or [])])


@app.command()
def ask(
    model: Model,
    passage: Annotated[str | None, typer.Option(metavar="TEXT", help="What to read.")] = None,
    question: Annotated[str | None, typer.Option(metavar="TEXT", help="What to answer.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE.jsonl", help="Many: a passage and a question a line."),
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--output", metavar="FILE.jsonl", help="Where their answers go.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask a reader; see what it used and calculated."""
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
    _need_text(passage, question)
    answer = _load(model).ask(passage, question)
    if as_json:
        _print_json(answer.to_json())
    else:
        out = _out()
        out.print(answer_view(passage, question, answer, out))


def _need_text(passage: str, question: str) -> None:
    for name, text in (("--passage", passage), ("--question", question)):
        if not text.strip():
            raise AnzanError(f"{name} is empty: type some text")


@app.command()
def explain(
    model: Model,
    passage: Annotated[str, typer.Option(metavar="TEXT", help="What to read.")],
    question: Annotated[str, typer.Option(metavar="TEXT", help="What to answer.")],
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", metavar="FILE", help="page.html or picture.png; repeatable.  [default: why.html]"),
    ] = None,
) -> None:
    """Ask a reader, and draw what its answer hangs on: tokens, pairs of numbers, other answers."""
    files = out or [Path("why.html")]
    for path in files:
        if path.suffix.lower() not in (".html", ".png"):
            raise typer.BadParameter(f"--out {path}: unknown kind of file; name it .html or .png")
        if not path.parent.is_dir():
            raise AnzanError(f"{path.parent}: no such folder; create it or choose another --out")
    _need_text(passage, question)
    reader = _load(model)
    from anzan.evaluation import explain as run
    from anzan.report.explanation_page import write_explanation
    from anzan.report.heat import write_png

    found = run(reader, passage, question)
    show = _out()
    show.print(answer_view(passage, question, found.answer, show))
    for path in files:
        if path.suffix.lower() == ".html":
            write_explanation(found, path)
        else:
            write_png(found.answer, found.tokens, question, path)
        show.print(f"written: {path}", soft_wrap=True)


def _ask_many(model: Path, source: Path, target: Path, as_json: bool) -> None:
    log = _log()
    if source.exists() and not source.is_file():
        raise AnzanError(f"{source}: not a regular file; save it first, and give its path")
    with open(source, "rb") as lines:  # before the model, which takes longer to load
        total = sum(1 for _ in lines)
    if target.exists() and target.samefile(source):
        raise AnzanError(f"{target}: it is the input as well; choose another --output")
    reader = _load(model)
    answered = failed = 0
    with whole_file(target) as file, progress_bar(log) as bar:
        task = bar.add_task("asking", total=total)
        chunk: list[tuple[int, Question]] = []

        def answer_chunk() -> None:
            answers = reader.ask_many((q.passage, q.question) for _, q in chunk)
            for (line, q), answer in zip(chunk, answers, strict=True):
                record = {"line": line} | ({} if q.id is None else {"id": q.id}) | answer.to_json()
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            chunk.clear()

        for number, item in scan_questions(source):
            if isinstance(item, Question):
                item = _fitting(reader, item, source, number)
            if isinstance(item, DataError):
                failed += 1
                log.print(str(item))
            else:
                answered += 1
                chunk.append((number, item))
            if len(chunk) == CHUNK:
                answer_chunk()
                bar.update(task, completed=number)
        answer_chunk()
    if as_json:
        _print_json({"output": str(target), "answered": answered, "failed": failed})
    summary = f"{answered:,} answered in {target}"
    if failed:
        raise DataError(f"{summary}, {failed:,} of {answered + failed:,} lines could not be used")
    log.print(summary)


def _fitting(reader: Reader, question: Question, source: Path, number: int) -> Question | DataError:
    """The question, or what is wrong with it for this model."""
    try:
        reader.text_encoder.text(question.passage, question.question)
    except ValueError as error:
        return DataError(f"{source}, line {number}, passage: {error}")
    return question
