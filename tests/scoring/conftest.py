"""Real and synthetic pairs of predictions and MOS."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.reference import shared


@pytest.fixture(scope="session")
def reference_pairs() -> dict[str, tuple[dict[str, Any], np.ndarray, np.ndarray]]:
    """{name: (expected values, predictions, MOS)} of the real pairs in eq4_reference.json."""
    expected = json.loads(shared("eq4-reference/eq4_reference.json").read_text())
    pairs = {}
    for name, values in expected.items():
        x, y = np.loadtxt(shared("eq4-reference/" + values["file"]), delimiter=",", skiprows=1).T
        pairs[name] = (values, x, y)
    return pairs


@pytest.fixture
def sample() -> tuple[np.ndarray, np.ndarray]:
    """400 synthetic predictions and MOS in [0, 5] with SRoCC near 0.78."""
    rng = np.random.default_rng(7)
    quality = rng.uniform(-2, 2, 400)
    return quality + rng.normal(0, 0.7, 400), np.clip(2.5 + quality + rng.normal(0, 0.6, 400), 0, 5)
