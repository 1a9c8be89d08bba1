"""Importing the arithmetic is quick: the command line imports it before it knows whether a model is needed."""

import subprocess
import sys


def test_import_brings_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import anzan.arithmetic; "
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['anzan']"
