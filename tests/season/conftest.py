"""A season about to begin."""

from pathlib import Path

import pytest

from tests.season.clock import Clock
from tests.season.recompute import Recomputation
from tests.season.state import Season
from tests.season.workers import Workers


@pytest.fixture
def season(transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Season:
    """The last day of February 2031: accounts, no challenge yet."""
    clock, workers = Clock(), Workers()
    clock.patch(monkeypatch)
    workers.patch(monkeypatch)
    clock.set("2031-02-28T10:00:00")
    return Season(clock, workers, Recomputation(tmp_path))
