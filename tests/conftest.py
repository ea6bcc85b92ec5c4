"""Fixtures that every test may use, and the rule that no test reaches the network."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

# Both cores are contended here: how long an example takes says nothing.
hypothesis.settings.register_profile("tests", parent=hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("tests")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """A connection to anything but this machine is an error, not a slow test."""
    original = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                raise RuntimeError(f"a test tried to reach {host}")
        original(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _fresh_caches() -> Iterator[None]:
    """Boards and rate limits of one test are not those of the next."""
    yield
    from django.core.cache import caches

    for cache in caches.all():
        cache.clear()


@pytest.fixture
def world(db: None) -> Any:
    """A challenge with two phases, two teams and all roles (tests.factories.World)."""
    from tests.factories import make_world

    return make_world()


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of submissions that a worker was called for, instead of a broker."""
    from challenge.core import work

    calls: list[str] = []

    def ring_bell(task: Any, *arguments: Any) -> bool:
        if task.name == "submissions.score":
            calls.extend(map(str, arguments))
        return True

    monkeypatch.setattr(work, "ring_bell", ring_bell)
    return calls
