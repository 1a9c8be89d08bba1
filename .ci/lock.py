"""Pin what .venv has in constraints.txt, and lock it with hashes in requirements.lock and requirements-dev.lock.

    make lock

asks PyPI for the hashes of all files of a version, by way of uv, whose path is the only argument.
"""

import subprocess
import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PINS = """\
# Everything that anzan and its extras bring, pinned by `make lock` to what .venv had.
# torch has no local version (+cpu), so that any build of it will do.
"""
RUN = """\
# What anzan needs to run: the extra `reader` in the versions of constraints.txt, with hashes. Written by `make lock`.
# torch is left out, so that any build of it will do.
"""
DEV = "# What tests, checks and the other extras need on top of requirements.lock. Written by `make lock`.\n"
COMPILE = "pip compile - --generate-hashes --no-deps --universal --python-version 3.11 --no-header --no-annotate -q"


def closure(*requirements: str) -> set[str]:
    """Names of the installed distributions that the requirements bring, themselves included."""
    found, todo = set(), [Requirement(r) for r in requirements]
    while todo:
        needed = todo.pop()
        for extra in ("", *needed.extras):
            if (key := (canonicalize_name(needed.name), extra)) not in found:
                found.add(key)
                brings = map(Requirement, distribution(needed.name).requires or [])
                todo += [r for r in brings if r.marker is None or r.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def main(uv: str) -> None:
    installed = {canonicalize_name(d.name): d.version.partition("+")[0] for d in distributions()}
    pins = {name: f"{name}=={installed[name]}\n" for name in sorted(installed.keys() - {"anzan", "pip"})}
    Path("constraints.txt").write_text(PINS + "".join(pins.values()), encoding="utf-8")
    run = closure("anzan[reader]", "setuptools")  # setuptools installs anzan itself
    for path, head, names in (
        ("requirements.lock", RUN, pins.keys() & run - {"torch"}),
        ("requirements-dev.lock", DEV, pins.keys() - run),
    ):
        text = "".join(pins[name] for name in sorted(names))
        done = subprocess.run([uv, *COMPILE.split()], input=text, stdout=subprocess.PIPE, text=True, check=True)
        Path(path).write_text(head + done.stdout, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
