"""Keeps imports that cost seconds, and that nothing here uses, out of the way of a refresh."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import sys
from collections.abc import Iterator


def collect_rarely() -> None:
    """Search for garbage more rarely: importing and parsing make millions of objects that stay."""
    gc.set_threshold(100_000, 50, 100)


def put_off(name: str) -> None:
    """Have a module executed when an attribute of it is first used, as `importlib` describes."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)


@contextlib.contextmanager
def leave_out(name: str) -> Iterator[None]:
    """Have a package look as if it were not installed, unless it is imported already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
