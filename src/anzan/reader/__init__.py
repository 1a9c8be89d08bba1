"""The reader: it scores all pairs of numbers, calls the calculator, and marks the answer in text or results.

    from anzan.reader import Reader

    reader = Reader.load("runs/demo")
    reader.ask("Anna has 3 pens. Carl has 5 pens.", "Who has more pens: Anna or Carl?").answer

Everything is imported on first use.
"""

from typing import TYPE_CHECKING

from anzan._lazy import lazy

if TYPE_CHECKING:
    from anzan.reader.answer import Answer as Answer
    from anzan.reader.answer import Override as Override
    from anzan.reader.answer import Step as Step
    from anzan.reader.batch import Batch as Batch
    from anzan.reader.batch import collate_examples as collate_examples
    from anzan.reader.batch import collate_texts as collate_texts
    from anzan.reader.config import CalculatorReaderConfig as CalculatorReaderConfig
    from anzan.reader.decode import Shown as Shown
    from anzan.reader.decode import Trace as Trace
    from anzan.reader.encode import TextEncoder as TextEncoder
    from anzan.reader.encode import TextTooLong as TextTooLong
    from anzan.reader.labels import Example as Example
    from anzan.reader.labels import make_example as make_example
    from anzan.reader.network import CalculatorReader as CalculatorReader
    from anzan.reader.network import ReaderOutput as ReaderOutput
    from anzan.reader.network import SpanLogits as SpanLogits
    from anzan.reader.reader import Reader as Reader
    from anzan.reader.sequence import Mention as Mention
    from anzan.reader.sequence import Row as Row
    from anzan.reader.sequence import Text as Text
    from anzan.reader.settings import ReaderSettings as ReaderSettings
    from anzan.reader.tokenizer import load_tokenizer as load_tokenizer
    from anzan.reader.views import View as View
    from anzan.reader.views import Views as Views
else:
    __getattr__, __all__ = lazy(
        __name__,
        {
            "answer": ("Answer", "Override", "Step"),
            "batch": ("Batch", "collate_examples", "collate_texts"),
            "config": ("CalculatorReaderConfig",),
            "decode": ("Shown", "Trace"),
            "encode": ("TextEncoder", "TextTooLong"),
            "labels": ("Example", "make_example"),
            "network": ("CalculatorReader", "ReaderOutput", "SpanLogits"),
            "reader": ("Reader",),
            "sequence": ("Mention", "Row", "Text"),
            "settings": ("ReaderSettings",),
            "tokenizer": ("load_tokenizer",),
            "views": ("View", "Views"),
        },
    )
