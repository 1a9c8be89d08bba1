"""Documents that teach an encoder general skills; every label follows from how the document was written.

A document has a query, a passage and printed lines, of which the last may be missing:

    [CLS] druk oplan ? [SEP] druk has 36 pens . oplan has 72 pens . druk gave 15 pens to oplan . [SEP]
    91 = 36 + 15 , 40 = 36 - 15 , - 40 = 15 - 36 [SEP]

The skills:

* **recall**: a query restates facts of the passage with names or digits masked;
* **linking**: of every name and number, whether the query names its person, whether that person gives or receives, and
  whether it is the amount that changes hands; as links, where the same string and the owner's name occur;
* **look-up**: the query contains `x + y`, and the passage is followed by `R = x + y` with a random R;
* **digits**: at a number's first token, its length and its next digits;
* **order**: which of two numbers, side by side or designated by the query, is larger, also digit by digit.

Documents never contain a task's own question, a maximum or comparison over owners, or a number that is by design the
sum or difference of two others. Names are random strings of word pieces, things come from `THINGS`, so no name or
object of the evaluation occurs as a word.
"""

from anzan.pretraining.documents.designated import designated_document as designated_document
from anzan.pretraining.documents.document import Document as Document
from anzan.pretraining.documents.document import Mention as Mention
from anzan.pretraining.documents.facts import facts_document as facts_document
from anzan.pretraining.documents.labels import EARLY_TAGS as EARLY_TAGS
from anzan.pretraining.documents.labels import ORDER_TAGS as ORDER_TAGS
from anzan.pretraining.documents.labels import PLACES as PLACES
from anzan.pretraining.documents.labels import TAGS as TAGS
from anzan.pretraining.documents.labels import UNDEFINED as UNDEFINED
from anzan.pretraining.documents.labels import Link as Link
from anzan.pretraining.documents.labels import digit_labels as digit_labels
from anzan.pretraining.documents.labels import links as links
from anzan.pretraining.documents.labels import order_labels as order_labels
from anzan.pretraining.documents.mix import Mix as Mix
from anzan.pretraining.documents.mix import draw_batches as draw_batches
from anzan.pretraining.documents.mix import draw_document as draw_document
from anzan.pretraining.documents.order import order_document as order_document
from anzan.pretraining.documents.recall import recall_document as recall_document
from anzan.pretraining.documents.words import GIVES as GIVES
from anzan.pretraining.documents.words import OWNS as OWNS
from anzan.pretraining.documents.words import THINGS as THINGS
from anzan.pretraining.documents.words import Words as Words
