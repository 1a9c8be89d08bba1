"""Pre-training: anzan-tiny, a small encoder, and the skill of reading what the calculator prints."""

from anzan.pretraining.lines import Lines as Lines
from anzan.pretraining.lines import teach_lines as teach_lines
from anzan.pretraining.recipe import Recipe as Recipe
from anzan.pretraining.run import pretrain as pretrain
