"""The `anzan` command, also as `python -m anzan`."""

import sys
from importlib.util import find_spec

NEEDED = ("typer", "rich", "yaml", "transformers", "accelerate", "safetensors", "matplotlib", "scipy")
"""The packages of the extra `reader`, looked up without importing them so that an error can name the extra."""


def main() -> None:
    """Run the command line."""
    if any(find_spec(name) is None for name in NEEDED):
        sys.exit("anzan's commands need the reader extra: pip install 'anzan[reader]'")
    from anzan.cli import app

    app(prog_name="anzan")


if __name__ == "__main__":
    main()
