"""What all tests share: none of them reaches the network or depends on the caller's settings."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def refuse_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail any attempt to reach another machine; loopback and local sockets stay open."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {host}; tests use recorded responses")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(autouse=True)
def forget_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop the settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("GIGALEDGER_"):
            monkeypatch.delenv(name)
