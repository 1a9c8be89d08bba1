"""The recipe of anzan-tiny, run for a few steps."""

import random
from functools import wraps

import torch
from transformers import AutoModel, AutoTokenizer

from anzan.pretraining import Recipe, pretrain
from anzan.pretraining.batch import collate
from anzan.pretraining.documents import Words, designated_document, facts_document, order_document, recall_document
from anzan.pretraining.model import PretrainingModel
from anzan.pretraining.skills import link_loss
from anzan.reader.encoders import TINY_FOLDER

SMALL = Recipe(
    steps=5,
    warmup_steps=1,
    batch_size=4,
    hidden_size=32,
    layers=6,
    heads=4,
    intermediate_size=32,
)


def test_the_same_seed_gives_the_same_encoder_and_transformers_loads_it(tmp_path):
    for name in ("a", "b"):
        pretrain(SMALL, tmp_path / name, every=100)
    a, b = (AutoModel.from_pretrained(tmp_path / name).state_dict() for name in ("a", "b"))
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    assert AutoTokenizer.from_pretrained(tmp_path / "a").tokenize("x1990") == AutoTokenizer.from_pretrained(
        TINY_FOLDER
    ).tokenize("x1990")


def test_every_label_reaches_the_loss(tmp_path, monkeypatch):
    """By default accelerate cuts the tensors of a streamed batch to the number of its examples."""
    seen = []
    forward = PretrainingModel.forward

    @wraps(forward)  # transformers reads the signature
    def spy(self, batch):
        labels = ("tag_labels", "links", "link_targets", "digit_labels", "order_labels")
        seen.append((len(batch["input_ids"]), *(len(batch[k]) for k in labels)))
        return forward(self, batch)

    monkeypatch.setattr(PretrainingModel, "forward", spy)
    pretrain(SMALL, tmp_path, every=100)
    for examples, *rows, _ in seen[:5]:
        assert examples == SMALL.batch_size and all(n > 4 * examples for n in rows)
    # Not every document orders numbers.
    assert sum(ordered for *_, ordered in seen[:5]) > 5 * SMALL.batch_size


def test_the_default_encoder_is_small_enough_to_ship():
    model = PretrainingModel(Recipe(), AutoTokenizer.from_pretrained(TINY_FOLDER))
    assert 4 * sum(p.numel() for p in model.encoder.parameters()) < 8_000_000


def test_link_supervision_reads_the_attention_that_the_encoder_computes():
    """The recomputed head equals the attention weights that transformers itself reports."""
    tokenizer = AutoTokenizer.from_pretrained(TINY_FOLDER)
    torch.manual_seed(0)
    model = PretrainingModel(SMALL, tokenizer).eval()
    model.encoder.set_attn_implementation("eager")
    words = Words(tokenizer, random.Random(0))
    batch = collate([*(facts_document(words, 3) for _ in range(8)), designated_document(words)], tokenizer)
    out = model.encoder(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        output_attentions=True,
        output_hidden_states=True,
    )
    links, targets = batch["links"], batch["link_targets"]
    _, found = link_loss(model.encoder, SMALL.link_heads, out.hidden_states, batch)
    for at, (kind, layer, head) in enumerate(SMALL.link_heads):
        mass = []
        for i, (row, position, k) in enumerate(links.tolist()):
            if k == kind:
                places = targets[targets[:, 0] == i, 1]
                mass.append(float(out.attentions[layer][row, head, position, places].detach().sum()))
        assert abs(float(found[at].detach()) - sum(mass) / len(mass)) < 1e-5


def test_every_part_of_the_loss_trains_the_encoder():
    tokenizer = AutoTokenizer.from_pretrained(TINY_FOLDER)
    model = PretrainingModel(SMALL, tokenizer)
    words = Words(tokenizer, random.Random(1))
    for documents in (
        [order_document(words, 4)],
        [designated_document(words)],
        [facts_document(words, 4), recall_document(words, 3)],
    ):
        model.zero_grad()
        loss = model(collate(documents, tokenizer)).loss
        assert loss.isfinite()
        loss.backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
        assert model.encoder.get_input_embeddings().weight.grad.abs().sum() > 0
