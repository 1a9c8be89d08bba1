"""Training throughput of the calculator reader against plain transformers question answering.

    python benchmarks/reader.py [--encoder all-MiniLM-L6-v2] [--people 4] [--batch 32] [--steps 8]

In one run, on the same encoder, batch and lengths: examples a second of a training step (forward, backward, clipped
AdamW) of

* `qa`: transformers' AutoModelForQuestionAnswering on text and results together, one pass;
* `reader`: the calculator reader, two passes with the symbolic layer between them;

both without dropout inside the encoder. What is won over the defaults is measured in processes of their own:

* `--encoder-dropout`: the same with the encoder's own dropout, whose masks are drawn one number after the other;
* `--system-malloc`: the same without `keep_freed_memory`.

And what `train.bf16` wins on a CPU that computes in bfloat16:

* `--autocast`: the same under PyTorch's autocast, with its own attention;
* `--bfloat16`: under autocast with `anzan.reader.attention`, as training does it.

The reader passes over L tokens, then over L + R; the ratio of floating-point operations says what `reader / qa` could
be at best. Rounds alternate between the two models, so that a drifting machine hits both; medians are reported.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, AutoModelForQuestionAnswering
from transformers.utils.generic import ModelOutput

from anzan.reader.attention import use_bfloat16_attention
from anzan.reader.batch import collate_examples
from anzan.reader.encode import TextEncoder
from anzan.reader.encoders import locate_encoder
from anzan.reader.labels import Example, make_example
from anzan.reader.network import CalculatorReader
from anzan.reader.tokenizer import load_tokenizer
from anzan.tasks.possession import Possession, generate
from anzan.training.memory import keep_freed_memory
from anzan.training.results import commit, device_name, write_json


def step(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, inputs: dict[str, Any], bfloat16: bool = False
) -> float:
    """Seconds of one training step; `inputs` are what the model is called with."""
    started = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        loss = model(**inputs).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - started


def qa_batch(examples: list[Example]) -> dict[str, Any]:
    """Text and the first candidate's results as one plain sequence, with one answer span an example."""
    rows = [torch.tensor([*e.text.ids, *(e.rows[0].ids if e.rows[0] else [])]) for e in examples]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(r) for r in rows], batch_first=True)
    spans = torch.tensor([e.text_spans[0] if e.text_spans else (1, 1) for e in examples])
    return {"input_ids": ids, "attention_mask": mask, "start_positions": spans[:, 0], "end_positions": spans[:, 1]}


class SpanHead(torch.nn.Module):
    """What transformers' question answering is, for an encoder that it has none for (anzan-tiny's NomicBERT)."""

    def __init__(self, encoder: torch.nn.Module, hidden: int):
        super().__init__()
        self.encoder, self.qa_outputs = encoder, torch.nn.Linear(hidden, 2)

    def forward(self, input_ids: Any, attention_mask: Any, start_positions: Any, end_positions: Any) -> ModelOutput:
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        start, end = self.qa_outputs(hidden).unbind(-1)
        losses = (torch.nn.functional.cross_entropy(x, y) for x, y in ((start, start_positions), (end, end_positions)))
        return ModelOutput(loss=sum(losses) / 2)


def plain_qa(encoder: str, config: Any) -> torch.nn.Module:
    """transformers' question answering on an encoder with this configuration."""
    try:
        return AutoModelForQuestionAnswering.from_pretrained(locate_encoder(encoder), config=config).train()
    except ValueError:
        return SpanHead(AutoModel.from_pretrained(locate_encoder(encoder), config=config), config.hidden_size).train()


def operations(layers: int, hidden: int, inner: int, length: float) -> float:
    """Multiply-adds of one forward pass over `length` tokens: projections, feed-forward, attention."""
    return layers * (length * (4 * hidden**2 + 2 * hidden * inner) + 2 * length**2 * hidden)


def profile(model: torch.nn.Module, inputs: dict[str, Any]) -> dict[str, float]:
    """Share of a step's own CPU time by kind of operation, in percent."""
    with torch.profiler.profile() as recorded:
        model(**inputs).loss.backward()
    kinds = {"matrix products": ("mm", "addmm", "bmm"), "attention": ("scaled_dot",), "activation": ("gelu", "silu"),
             "normalisation": ("layer_norm",),
             "lookup and gather": ("gather", "index", "embedding", "scatter")}  # fmt: skip
    totals = dict.fromkeys([*kinds, "rest"], 0.0)
    for event in recorded.key_averages():
        name = next((k for k, words in kinds.items() if any(w in event.key for w in words)), "rest")
        totals[name] += event.self_cpu_time_total
    everything = sum(totals.values())
    return {k: round(100 * v / everything, 1) for k, v in totals.items()}


def measure(
    encoder: str,
    people: int,
    size: int,
    steps: int,
    *,
    keep_memory: bool,
    encoder_dropout: float | None,
    autocast: bool = False,
    attention: bool = False,
) -> dict[str, Any]:
    if keep_memory:
        keep_freed_memory()
    torch.manual_seed(0)
    tokenizer = load_tokenizer(locate_encoder(encoder))
    reader = CalculatorReader.from_encoder(encoder, tokenizer, encoder_dropout).train()
    text_encoder = TextEncoder.for_config(reader.config, tokenizer)
    if attention:
        use_bfloat16_attention(reader.encoder)
    problems = generate(Possession(people=people, digits=7, transfers=1, questions=("max", "argmax")), size, seed=0)
    examples = [make_example(text_encoder, p.passage, p.question, p.answers) for p in problems]
    batch = collate_examples(examples, text_encoder)
    config = reader.encoder.config
    plain = plain_qa(encoder, config)
    models = {"reader": (reader, {"batch": batch}), "qa": (plain, qa_batch(examples))}
    optimizers = {k: torch.optim.AdamW(m.parameters(), lr=1e-5, fused=True) for k, (m, _) in models.items()}
    times: dict[str, list[float]] = {k: [] for k in models}
    faults = system = 0.0
    for i in range(steps + 3):
        for name, (model, inputs) in models.items():
            before = resource.getrusage(resource.RUSAGE_SELF)
            seconds = step(model, optimizers[name], inputs, autocast)
            after = resource.getrusage(resource.RUSAGE_SELF)
            if i >= 3:  # warmed up
                times[name].append(seconds)
                if name == "reader":
                    faults += after.ru_minflt - before.ru_minflt
                    system += after.ru_stime - before.ru_stime
    length = sum(len(e.text.ids) for e in examples) / size
    results = sum(len(e.rows[0].ids) for e in examples if e.rows[0]) / size
    first, second = (
        operations(config.num_hidden_layers, config.hidden_size, config.intermediate_size, n)
        for n in (length, length + results)
    )
    median = {k: statistics.median(v) for k, v in times.items()}
    return {
        "examples_per_second": {k: round(size / s, 2) for k, s in median.items()},
        "ratio": round(statistics.median(q / r for q, r in zip(times["qa"], times["reader"], strict=True)), 3),
        "ratio_of_operations": round(second / (first + second), 3),
        "reader_gflops": round(3 * 2 * (first + second) * size / median["reader"] / 1e9, 1),
        "tokens": {"text": round(length, 1), "results": round(results, 1)},
        "page_faults_per_step": round(faults / steps),
        "system_seconds_per_step": round(system / steps, 3),
        "profile_percent": profile(*models["reader"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "results" / "benchmarks")
    parser.add_argument("--system-malloc", action="store_true", help="without keep_freed_memory; print JSON only")
    parser.add_argument("--encoder-dropout", action="store_true", help="with the encoder's own; print JSON only")
    parser.add_argument("--autocast", action="store_true", help="in bfloat16; print JSON only")
    parser.add_argument("--bfloat16", action="store_true", help="with our own attention; print JSON only")
    a = parser.parse_args()
    figures = measure(
        a.encoder, a.people, a.batch, a.steps,
        keep_memory=not a.system_malloc, encoder_dropout=None if a.encoder_dropout else 0.0,
        autocast=a.autocast or a.bfloat16, attention=a.bfloat16,
    )  # fmt: skip
    if a.system_malloc or a.encoder_dropout or a.autocast or a.bfloat16:
        print(json.dumps(figures))
        return
    same = [sys.executable, __file__, "--encoder", a.encoder, "--people", str(a.people), "--batch", str(a.batch),
            "--steps", str(a.steps)]  # fmt: skip
    variants = {}
    for name in ("--system-malloc", "--encoder-dropout", "--autocast", "--bfloat16"):
        printed = subprocess.run([*same, name], capture_output=True, text=True, check=True).stdout
        variants[name] = json.loads(printed.splitlines()[-1])
    speed = {k: v["examples_per_second"]["reader"] for k, v in variants.items()}
    own = figures["examples_per_second"]["reader"]
    gains = {f"without {name}": round(own / speed[name], 2) for name in ("--system-malloc", "--encoder-dropout")}
    gains |= {f"with {name}": round(speed[name] / own, 2) for name in ("--autocast", "--bfloat16")}
    report = {
        "benchmark": "reader training step", "encoder": a.encoder, "people": a.people, "batch": a.batch,
        "steps": a.steps,
        **figures, "share_of_operations_ratio": round(figures["ratio"] / figures["ratio_of_operations"], 3),
        "gains": gains, "variants": variants,
        "device": device_name(), "commit": commit(), "command": " ".join(["python", *sys.argv]),
    }  # fmt: skip
    write_json(a.out / f"reader-{Path(a.encoder).name}-{a.people}.json", report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
