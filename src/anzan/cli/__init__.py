"""The `anzan` command line.

    >>> from anzan.cli import app
    >>> app(["ask", "runs/demo", "--passage", "...", "--question", "..."])

A command imports what it runs inside its function, so that `anzan --help` answers at once.
"""

from anzan.cli.app import app, generate
from anzan.cli.asking import ask, explain
from anzan.cli.generating import possession, worlds
from anzan.cli.measuring import audit, evaluate
from anzan.cli.reproducing import reproduce
from anzan.cli.serving import serve
from anzan.cli.training import demo, pretrain, train

for _command in (demo, ask, pretrain, train, evaluate, explain, audit, reproduce, serve):
    app.command()(_command)
generate.command()(possession)
generate.command()(worlds)

__all__ = ["app"]
