"""Pre-trains anzan-tiny on documents that are drawn as it goes."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import IterableDataset
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Trainer, TrainerCallback, TrainingArguments

from anzan.pretraining.accuracy import skill_accuracy
from anzan.pretraining.batch import Batch, collate
from anzan.pretraining.documents import Document, Mix, Words, draw_batches
from anzan.pretraining.model import PretrainingModel
from anzan.pretraining.recipe import Recipe
from anzan.reader.encoders import TINY_FOLDER
from anzan.training.memory import keep_freed_memory


def pretrain(recipe: Recipe, out: Path, every: int = 500) -> dict[str, float]:
    """Trains an encoder and writes it and its tokenizer to `out`.

    Args:
        recipe: The settings.
        out: A folder.
        every: After how many steps to report progress on standard error and write the encoder.

    Returns:
        The accuracy in percent on held-out documents, by skill.
    """
    tokenizer = AutoTokenizer.from_pretrained(TINY_FOLDER)  # the vocabulary is not trained
    keep_freed_memory()
    torch.use_deterministic_algorithms(True)  # otherwise gradients of tagged tokens are summed in any order
    held_out = draw_batches(Words(tokenizer, random.Random("held-out"), level=0.4), Mix(), 32, 5)
    batches = [collate(documents, tokenizer) for documents in held_out]
    torch.manual_seed(recipe.seed)
    model = PretrainingModel(recipe, tokenizer)
    Trainer(
        model=model,
        args=_arguments(recipe, out),
        train_dataset=DocumentStream(tokenizer, recipe),
        data_collator=partial(_inputs, tokenizer),
        callbacks=[_Progress(batches, tokenizer, every, out)],
    ).train()
    model.encoder.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return skill_accuracy(model, batches, tokenizer)


def _arguments(recipe: Recipe, out: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(out),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": round(recipe.decay_share * recipe.steps)},
        warmup_steps=recipe.warmup_steps,
        weight_decay=0.01,
        adam_beta2=0.98,
        max_grad_norm=1.0,
        logging_steps=250,
        save_strategy="no",
        report_to=[],
        seed=recipe.seed,
        dataloader_num_workers=1,
        # By default accelerate cuts every tensor of a streamed batch, tags and links included, to the batch size.
        accelerator_config={"dispatch_batches": False},
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
    )


class DocumentStream(IterableDataset[Document]):
    """The documents of one run, grouped into batches of similar length, from easy to difficult."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, recipe: Recipe):
        self.tokenizer, self.recipe = tokenizer, recipe

    def __iter__(self) -> Iterator[Document]:
        recipe = self.recipe
        words = Words(self.tokenizer, random.Random(f"pretrain-{recipe.seed}-0"))
        step = 0
        while True:
            progress = min(1.0, step / (recipe.full_from * recipe.steps))
            words.level = recipe.easy_level + (1 - recipe.easy_level) * progress
            for batch in draw_batches(words, recipe.mix, recipe.batch_size):
                step += 1
                yield from batch


def _inputs(tokenizer: PreTrainedTokenizerBase, documents: list[Document]) -> dict[str, Batch]:
    """The keyword arguments of `PretrainingModel.forward`."""
    return {"batch": collate(documents, tokenizer)}


class _Progress(TrainerCallback):
    """Reports accuracy and writes the encoder from time to time."""

    def __init__(self, batches: list[Batch], tokenizer: PreTrainedTokenizerBase, every: int, out: Path):
        self.batches, self.tokenizer, self.every, self.out = batches, tokenizer, every, out

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if state.global_step % self.every == 0:
            figures = skill_accuracy(model, self.batches, self.tokenizer)
            print(state.global_step, *(f"{k} {v:.0f}" for k, v in figures.items()), file=sys.stderr, flush=True)
            model.encoder.save_pretrained(self.out)
            self.tokenizer.save_pretrained(self.out)
