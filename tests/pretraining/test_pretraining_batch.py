"""Padded batches against the documents they come from."""

import random

import torch
from transformers import AutoTokenizer

from anzan.pretraining.batch import Batch, collate, split
from anzan.pretraining.documents import PLACES, TAGS, Mix, Words, draw_batches, links, order_document, recall_document
from anzan.reader.encoders import TINY_FOLDER

TOKENIZER = AutoTokenizer.from_pretrained(TINY_FOLDER)


def words() -> Words:
    return Words(TOKENIZER, random.Random(7))


def test_exactly_the_masked_tokens_are_masked():
    documents = draw_batches(words(), Mix(), 16)[0]
    batch = collate(documents, TOKENIZER)
    for row, document in enumerate(documents):
        for i, token in enumerate(document.ids):
            masked = i in document.masked
            assert batch["input_ids"][row, i] == (TOKENIZER.mask_token_id if masked else token)
            assert batch["labels"][row, i] == (token if masked else -100)
        length = len(document.ids)
        assert batch["attention_mask"][row].tolist() == [1] * length + [0] * (batch["labels"].shape[1] - length)
        assert (batch["input_ids"][row, length:] == TOKENIZER.pad_token_id).all()
        assert (batch["labels"][row, length:] == -100).all()


def test_segments_end_at_separators():
    for documents in draw_batches(words(), Mix(), 16):
        batch = collate(documents, TOKENIZER)
        for row, document in enumerate(documents):
            separators = torch.tensor(document.ids) == TOKENIZER.sep_token_id
            before = separators.cumsum(0) - separators.long()
            assert batch["token_type_ids"][row, : len(document.ids)].tolist() == before.tolist()
            assert before.max() <= 2


def test_every_label_has_the_row_of_its_document():
    documents = draw_batches(words(), Mix(), 16)[0]
    batch = collate(documents, TOKENIZER)
    (rows, positions), tags = split(batch["tag_labels"])
    expected = {
        (row, place): [int(m.tags[t]) if t in m.tags else -1 for t in TAGS]
        for row, document in enumerate(documents)
        for m in document.mentions
        for place in (m.start, m.end)
    }
    found = zip(rows.tolist(), positions.tolist(), tags.tolist(), strict=True)
    assert {(row, place): values for row, place, values in found} == expected
    assert len(rows) == len(expected)
    all_links = [(row, *link) for row, document in enumerate(documents) for link in links(document)]
    assert batch["links"].tolist() == [[row, start, kind] for row, start, kind, _ in all_links]
    assert batch["link_targets"].tolist() == [[i, end] for i, (*_, ends) in enumerate(all_links) for end in ends]


def test_a_batch_without_comparisons_has_no_rows_for_them():
    shapes: list[Batch] = [
        collate([document], TOKENIZER) for document in (recall_document(words(), 3), order_document(words(), 2))
    ]
    assert shapes[0]["order_labels"].shape == (0, 3 + PLACES)
    assert shapes[1]["order_labels"].shape == (4, 3 + PLACES)
