"""anzan-tiny: a small encoder that learns recall, linking, look-up and order from text it writes itself.

The architecture is transformers' stock NomicBERT, small: rotary positions, so that it reads longer texts than it saw,
and segments, so that a token knows whether it stands in the question, the passage or the results.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import IterableDataset
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.models.nomic_bert.modeling_nomic_bert import apply_rotary_pos_emb

from anzan.pretraining.documents import (
    COPY,
    EARLY_TAGS,
    HELD,
    HOLDER,
    LINKS,
    OPERANDS,
    ORDER_TAGS,
    OWNER,
    PARTS,
    PLACES,
    RESULTS,
    RIVAL,
    SOURCES,
    TAGS,
    Document,
    collate,
)
from anzan.pretraining.text import Mix, Writer
from anzan.training.memory import keep_freed_memory

Batch = dict[str, Tensor]

TINY = Path(__file__).resolve().parent.parent / "reader" / "tiny"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights.

    Documents start at `easy_level` (few people, short names and numbers) and are as hard as they get from `full_from`
    of the steps: what is learned on short texts carries over, at a third of the time a step. `order_weight` counts the
    tags of order more than the others.
    """

    seed: int = 0
    steps: int = 3000
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    decay_share: float = 0.4
    easy_level: float = 0.2
    full_from: float = 0.4
    mix: Mix = field(default_factory=lambda: Mix(facts=0.55, order=0.2))
    batch_size: int = 32
    hidden_size: int = 128
    layers: int = 6
    heads: int = 4
    intermediate_size: int = 256
    tag_weight: float = 4.0
    order_weight: float = 2.0
    link_weight: float = 1.0
    early_layer: int = 4  # how many layers may pass before roles and links are known, for comparison to build on
    order_layer: int = 5  # how many layers may pass before two numbers are compared
    digits_weight: float = 2.0  # of the order of digits, place by place
    place_weight: float = 1.0
    place_layer: int = 4  # how many layers may pass before a number's first token knows its digits
    # (kind, layer, head): early, so that layers are left for what is built on it. Copies twice: what is known of a
    # number where it is told reaches its other places. Designated numbers are compared late, for who is designated
    # takes long to find out; and names read their numbers last. All heads of the layer that compares are told where to
    # look, so that one alone brings the other number: what compares is then the same however a number was designated.
    link_heads: tuple[tuple[int, int, int], ...] = (
        (PARTS, 0, 0),
        (HOLDER, 1, 0),
        (COPY, 1, 1),
        (OPERANDS, 1, 2),
        (OWNER, 2, 0),
        (COPY, 3, 0),
        (SOURCES, 3, 1),
        (RIVAL, 4, 0),
        (COPY, 4, 1),
        (PARTS, 4, 2),
        (OPERANDS, 4, 3),
        (HELD, 5, 0),
        (RESULTS, 5, 1),
    )


class Skills(nn.Module):
    """An encoder with the two heads of pre-training: masked tokens (tied to the embeddings) and tags of mentions."""

    def __init__(self, recipe: Recipe, tokenizer: PreTrainedTokenizerBase):
        super().__init__()
        config = AutoConfig.for_model(
            "nomic_bert",
            vocab_size=len(tokenizer),
            hidden_size=recipe.hidden_size,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=recipe.intermediate_size,
            type_vocab_size=3,
            layer_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 160_000.0},
            max_position_embeddings=1024,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
        )
        self.recipe = recipe
        self.encoder = AutoModel.from_config(config)
        _initialise(self.encoder)
        h = recipe.hidden_size
        self.transform = nn.Sequential(nn.Linear(h, h), nn.SiLU(), nn.LayerNorm(h))
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.tags = nn.Sequential(nn.Linear(h, h), nn.SiLU(), nn.Linear(h, len(TAGS)))
        self.early_tags = nn.Linear(h, EARLY_TAGS)
        self.order_tags = nn.Linear(h, 2)
        self.orders = nn.Linear(h, 3 * (1 + PLACES))
        weights = torch.ones(len(TAGS))
        weights[ORDER_TAGS] = recipe.order_weight
        self.register_buffer("tag_weights", weights, persistent=False)
        self.places = nn.Linear(h, 10 * PLACES)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        labels: Tensor,
        tag_labels: Tensor,
        links: Tensor,
        link_targets: Tensor,
        place_labels: Tensor,
        order_labels: Tensor,
    ) -> dict[str, Tensor]:
        out = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids, output_hidden_states=True
        )
        hidden = out.last_hidden_state
        masked = labels >= 0
        logits = F.linear(self.transform(hidden[masked]), self.encoder.get_input_embeddings().weight, self.bias)
        token_loss = F.cross_entropy(logits, labels[masked], reduction="sum") / masked.sum().clamp_min(1)
        tagged, value = (tag_labels[:, 0], tag_labels[:, 1]), tag_labels[:, 2:]
        tag_logits = self.tags(hidden[tagged])
        early = self.early_tags(out.hidden_states[self.recipe.early_layer][tagged])
        ordered = self.order_tags(out.hidden_states[self.recipe.order_layer][tagged])
        w: Any = self.tag_weights
        tag_loss = _tag_loss(tag_logits, value, w) + 0.5 * _tag_loss(early, value[:, :EARLY_TAGS], w[:EARLY_TAGS])
        tag_loss = tag_loss + 0.1 * _tag_loss(ordered, value[:, ORDER_TAGS], w[ORDER_TAGS])
        link_loss, found = self._link_loss(out.hidden_states, attention_mask, links, link_targets)
        compared = self.orders(out.hidden_states[self.recipe.order_layer][order_labels[:, 0], order_labels[:, 1]])
        compared, answers = compared.unflatten(-1, (1 + PLACES, 3)), order_labels[:, 2:]
        order_loss = F.cross_entropy(compared.flatten(0, 1), answers.flatten(), reduction="sum")
        order_loss = order_loss / (answers >= 0).sum().clamp_min(1)
        number = place_labels[:, 0], place_labels[:, 1]
        digits = self.places(out.hidden_states[self.recipe.place_layer][number])
        digits = digits.unflatten(-1, (PLACES, 10))
        place_loss = F.cross_entropy(digits.flatten(0, 1), place_labels[:, 2:].flatten())
        r = self.recipe
        loss = token_loss + r.tag_weight * tag_loss + r.link_weight * link_loss
        loss = loss + r.place_weight * place_loss + r.digits_weight * order_loss
        return {
            "loss": loss,
            "logits": logits,
            "tag_logits": tag_logits,
            "found": found,
            "digits": digits,
            "order_logits": ordered,
            "compared": compared,
        }

    def _link_loss(
        self, states: tuple[Tensor, ...], attention_mask: Tensor, links: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One head per kind of link is told where to look: cross-entropy of its attention to the places linked.

        Its queries and keys are computed again from the layer's input, for the linked tokens alone. Also returns, by
        head, the share of attention that goes where it should.
        """
        losses, found, state_dtype = [], [], states[0].dtype
        row, position, kind = links.unbind(1)
        linked = torch.zeros(len(links), attention_mask.shape[1], dtype=torch.bool, device=links.device)
        linked[targets[:, 0], targets[:, 1]] = True
        places = torch.arange(attention_mask.shape[1], device=links.device)[None]
        for k, index, head in self.recipe.link_heads:
            layer, mine = self.encoder.layers[index], kind == k
            if not mine.any():
                found.append(mine.new_full((), torch.nan, dtype=state_dtype))
                continue
            size, state = layer.self_attn.head_dim, states[index]
            rows = slice(head * size, (head + 1) * size)
            query = F.linear(state, layer.self_attn.q_proj.weight[rows])
            key = F.linear(state, layer.self_attn.k_proj.weight[rows])
            cos, sin = self.encoder.rotary_emb(state, places)
            query, key = apply_rotary_pos_emb(query[:, None], key[:, None], cos, sin)
            scores = (query[row[mine], 0, position[mine], None] @ key[row[mine], 0].transpose(1, 2))[:, 0] * size**-0.5
            log_p = scores.masked_fill(attention_mask[row[mine]] == 0, -torch.inf).log_softmax(-1)
            share = log_p.masked_fill(~linked[mine], 0.0).sum(-1) / linked[mine].sum(-1)
            losses.append(-share.mean())
            found.append((log_p.exp() * linked[mine]).sum(-1).mean())
        return torch.stack(losses).sum(), torch.stack(found)


def _tag_loss(logits: Tensor, value: Tensor, weights: Tensor) -> Tensor:
    """A tag counts by its weight, however rare: order and look-up would drown in the others."""
    known = value >= 0
    loss = F.binary_cross_entropy_with_logits(logits, value.clamp_min(0).to(logits.dtype), reduction="none")
    return ((loss * known).sum(0) / known.sum(0).clamp_min(1) * weights).mean()


@torch.no_grad()
def _initialise(encoder: nn.Module) -> None:
    """Wider than the default, which suits large models; and queries equal to keys, so that every head starts by
    attending to copies of its own token. Recall and linking are built on that.
    """
    for name, p in encoder.named_parameters():
        if p.ndim == 2:
            wide = 0.05 if "word" in name else 0.02 if "token_type" in name or "o_proj" in name else 0.06
            nn.init.normal_(p, std=wide)
    for layer in encoder.layers:  # type: ignore[union-attr]
        layer.self_attn.k_proj.weight.copy_(layer.self_attn.q_proj.weight)


class Documents(IterableDataset):
    """The stream of documents of one run, in groups of one batch of similar length."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, recipe: Recipe):
        self.tokenizer, self.recipe = tokenizer, recipe

    def __iter__(self) -> Iterator[Document]:
        recipe = self.recipe
        writer = Writer(self.tokenizer, random.Random(f"pretrain-{recipe.seed}-0"))  # one stream of the seed
        writer.mix = recipe.mix
        step = 0
        while True:
            hard = min(1.0, step / (recipe.full_from * recipe.steps))
            writer.level = recipe.easy_level + (1 - recipe.easy_level) * hard
            for batch in writer.batches(recipe.batch_size):
                step += 1
                yield from batch


def tensors(documents: list[Document], tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """Documents as a padded batch."""
    columns = collate(documents, *(tokenizer.get_vocab()[piece] for piece in ("[PAD]", "[MASK]")))
    found = {k: torch.tensor(v) for k, v in columns.items()}
    found["order_labels"] = found["order_labels"].long().reshape(-1, 3 + PLACES)  # there may be none
    return found


@torch.no_grad()
def skills(model: Skills, batches: list[Batch], tokenizer: PreTrainedTokenizerBase) -> dict[str, float]:
    """Accuracy in percent: masked digits, order signs, other tokens; each tag balanced over its two values."""
    model.eval()
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    kind = torch.tensor([0 if t.strip("#").isdigit() else 1 if t in "<>" else 2 for t in tokens])
    hit, seen = torch.zeros(3), torch.zeros(3)
    links: list[Tensor] = []
    place_hit = place_seen = 0
    order_hit = order_seen = digit_hit = digit_seen = 0
    tag_hit, tag_seen = torch.zeros(len(TAGS), 2), torch.zeros(len(TAGS), 2)
    for batch in batches:
        out = model(**batch)
        links.append(out["found"])
        place = batch["place_labels"][:, 2:]
        place_hit += int((out["digits"].argmax(-1) == place).sum())
        place_seen += int((place >= 0).sum())
        order = batch["tag_labels"][:, 2:][:, ORDER_TAGS]
        order_hit += int((((out["order_logits"] > 0) == order) & (order >= 0)).sum())
        order_seen += int((order >= 0).sum())
        answers = batch["order_labels"][:, 2:]
        digit_hit += int((out["compared"].argmax(-1) == answers).sum())
        digit_seen += int((answers >= 0).sum())
        target = batch["labels"][batch["labels"] >= 0]
        right = (out["logits"].argmax(-1) == target).float()
        hit.index_add_(0, kind[target], right)
        seen.index_add_(0, kind[target], torch.ones_like(right))
        value = batch["tag_labels"][:, 2:]
        for v in (0, 1):
            tag_hit[:, v] += (((out["tag_logits"] > 0) == v) & (value == v)).sum(0)
            tag_seen[:, v] += (value == v).sum(0)
    model.train()
    share = (tag_hit / tag_seen.clamp(min=1)).mean(1)
    figures: dict[str, float] = {}
    figures.update(zip(("digits", "signs", "words"), (hit / seen).tolist(), strict=True))
    figures.update(zip(TAGS, share.tolist(), strict=True))
    found = torch.stack(links).nanmean(0).tolist()
    for (kind, layer, _), share_found in zip(model.recipe.link_heads, found, strict=True):
        figures[f"{LINKS[kind]}@{layer}"] = share_found
    figures["places"] = place_hit / place_seen
    figures["order_early"] = order_hit / order_seen
    figures["order_digits"] = digit_hit / digit_seen
    return {k: round(100 * v, 1) for k, v in figures.items()}


class _Watch(TrainerCallback):
    def __init__(self, batches: list[Batch], tokenizer: PreTrainedTokenizerBase, every: int, out: Path):
        self.batches, self.tokenizer, self.every, self.out = batches, tokenizer, every, out

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if state.global_step % self.every == 0:
            figures = skills(model, self.batches, self.tokenizer)
            print(state.global_step, *(f"{k} {v:.0f}" for k, v in figures.items()), file=sys.stderr, flush=True)
            model.encoder.save_pretrained(self.out)
            self.tokenizer.save_pretrained(self.out)


def pretrain(recipe: Recipe, out: Path, every: int = 500) -> dict[str, float]:
    """Train and write encoder and tokenizer to `out`; returns the skills measured on held-out documents."""
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    keep_freed_memory()
    torch.use_deterministic_algorithms(True)  # else gradients of tagged tokens are added in any order
    held_out = Writer(tokenizer, random.Random("held-out"))
    held_out.level = 0.4
    batches = [tensors(batch, tokenizer) for batch in held_out.batches(32, 5)]
    torch.manual_seed(recipe.seed)
    model = Skills(recipe, tokenizer)
    Trainer(
        model=model,
        args=TrainingArguments(
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
            # Else accelerate cuts every tensor of a streamed batch to the batch size, tags and links included.
            accelerator_config={"dispatch_batches": False},
            disable_tqdm=True,
            remove_unused_columns=False,
            use_cpu=not torch.cuda.is_available(),
        ),
        train_dataset=Documents(tokenizer, recipe),
        data_collator=lambda batch: tensors(batch, tokenizer),
        callbacks=[_Watch(batches, tokenizer, every, out)],
    ).train()
    model.encoder.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return skills(model, batches, tokenizer)
