"""Pre-training of anzan-tiny, a small encoder, on documents that are generated on the fly."""

from anzan.pretraining.recipe import Recipe as Recipe
from anzan.pretraining.run import pretrain as pretrain
