"""The code of a worker process of `anzan.layer`. It imports no torch, so that a worker starts quickly."""

import sys
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any


def serve(pipe: Connection, module: str, name: str, path: list[str]) -> None:
    """A worker: imports the function, then answers until the pipe closes."""
    sys.path[:] = path
    try:
        function: Any = import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        function = getattr(function, "function", function)  # under a decorator such as `symbolic`
    except Exception as error:
        pipe.send(error)
        return
    pipe.send(None)
    while True:
        try:
            arguments = pipe.recv()
        except EOFError:
            return
        try:
            result = function(*arguments)
        except Exception as error:
            result = error
        try:
            pipe.send(result)
        except Exception as error:
            pipe.send(TypeError(f"a result that cannot be sent between processes: {error}"))
