"""`anzan serve`: what it refuses."""

import socket
import sys
from pathlib import Path

import pytest
from commands import failure_of


def test_serve_refuses(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert failure_of("serve", model, "--port", port).endswith("Address already in use; choose another")
    assert "nowhere.invalid" in failure_of("serve", model, "--host", "nowhere.invalid", "--port", 0)
    assert "no model at" in failure_of("serve", model / "not")
    for name in ("anzan.web", "anzan.web.server", "anzan.web.app", "uvicorn"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert failure_of("serve", model) == "anzan: serve needs uvicorn: pip install 'anzan[web]'"
