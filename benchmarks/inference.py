"""Throughput of answers in bulk against the encoder alone, memory of a training step, and start-up.

    python benchmarks/inference.py [--encoder all-MiniLM-L6-v2] [--people 10] [--problems 256] [--symbols FOLDER]

In one process, rounds alternating, medians:

* `ask`: `Reader.ask_many`, from text to answers: tokens, numbers, pairs, the calculator, both passes, answer spans;
* `encoder`: transformers' encoder alone on the very sequences of both passes, in batches of like length;
* `symbols`: `ask_many` of a trained reader that sees numbers as symbols, with its programs of several calls.

Then, each in a process of its own, the peak memory of training steps (batch 32) of the calculator reader and of
transformers' question answering on text and results together, above what the process holds before its first step. And
the median time of `anzan --help`.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from anzan.reader.batch import collate_examples
from anzan.reader.encoders import locate_encoder
from anzan.reader.labels import make_example
from anzan.reader.network import CalculatorReader
from anzan.reader.reader import BATCH_SIZES, Reader
from anzan.reader.tokenizer import load_tokenizer
from anzan.tasks.possession import Possession, generate
from anzan.tasks.problem import Problem
from anzan.training.memory import keep_freed_memory
from anzan.training.results import commit, device_name, write_json
from reader import plain_qa, qa_batch, step

BATCH = BATCH_SIZES["cpu"]
"""As `Reader.ask_many` has it."""


def problems(people: int, count: int) -> list[Problem]:
    return generate(Possession(people=people, digits=7, transfers=1, questions=("max", "argmax")), count, seed=0)


def new_reader(encoder: str) -> Reader:
    torch.manual_seed(0)
    tokenizer = load_tokenizer(locate_encoder(encoder))
    return Reader(CalculatorReader.from_encoder(encoder, tokenizer, 0.0), tokenizer)


def both_passes(reader: Reader, pairs: list[tuple[str, str]]) -> Callable[[], None]:
    """The encoder alone on what both passes of these texts read."""
    texts = reader.call_many(pairs)
    ids = [[t.uncalled.ids for t in texts], [t.ids for t in texts]]
    batches = []
    for each in ids:
        order = sorted(each, key=len)
        for i in range(0, len(order), BATCH):
            rows = [torch.tensor(r) for r in order[i : i + BATCH]]
            mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(r) for r in rows], batch_first=True)
            batches.append((torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), mask))

    @torch.no_grad()
    def run() -> None:
        for input_ids, attention_mask in batches:
            reader.model.encoder(input_ids=input_ids, attention_mask=attention_mask)

    return run


def throughput(encoder: str, people: int, count: int, rounds: int, symbols: Path | None) -> dict[str, Any]:
    reader = new_reader(encoder)
    pairs = [(p.passage, p.question) for p in problems(people, count)]
    encode = both_passes(reader, pairs)
    runs: dict[str, Callable[[], Any]] = {"ask": lambda: list(reader.ask_many(pairs)), "encoder": encode}
    if symbols is not None:
        other = Reader.load(symbols)
        runs["symbols"] = lambda: list(other.ask_many(pairs))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if i:  # warmed up
                times[name].append(time.perf_counter() - started)

    def faster(name: str, baseline: str) -> float:
        return round(statistics.median(b / a for a, b in zip(times[name], times[baseline], strict=True)), 3)

    return {
        "texts_per_second": {k: round(count / statistics.median(v), 1) for k, v in times.items()},
        "ratio": faster("ask", "encoder"),
        **({"symbols_ratio": faster("symbols", "ask")} if symbols is not None else {}),
    }


def peak(encoder: str, people: int, which: str) -> float:
    """MiB of three training steps above what was held before them."""
    keep_freed_memory()
    reader = new_reader(encoder)
    text_encoder = reader.text_encoder
    examples = [make_example(text_encoder, p.passage, p.question, p.answers) for p in problems(people, 32)]
    model, inputs = reader.model.train(), {"batch": collate_examples(examples, text_encoder)}
    if which == "qa":
        model, inputs = plain_qa(encoder, reader.model.encoder.config), qa_batch(examples)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        step(model, optimizer, inputs)
    return round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1)


def start_up(rounds: int = 5) -> float:
    """Seconds of `anzan --help`, median."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "anzan", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return round(statistics.median(times), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--problems", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--symbols", type=Path, help="the folder of a reader of symbols, timed beside that of digits")
    parser.add_argument("--peak", choices=["reader", "qa"], help="the memory of one of them; print it only")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "results" / "benchmarks")
    a = parser.parse_args()
    if a.peak:
        print(peak(a.encoder, a.people, a.peak))
        return
    figures = throughput(a.encoder, a.people, a.problems, a.rounds, a.symbols)
    same = [sys.executable, __file__, "--encoder", a.encoder, "--people", str(a.people), "--peak"]
    mib = {
        which: float(subprocess.run([*same, which], capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        for which in ("reader", "qa")
    }
    report = {
        "benchmark": "answers in bulk", "encoder": a.encoder, "people": a.people, "problems": a.problems,
        "batch": BATCH, **figures,
        "training_step_mib": mib, "memory_ratio": round(mib["reader"] / mib["qa"], 2),
        "start_up_s": start_up(),
        "device": device_name(), "commit": commit(), "command": " ".join(["python", *sys.argv]),
    }  # fmt: skip
    write_json(a.out / f"inference-{Path(a.encoder).name}-{a.people}.json", report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
