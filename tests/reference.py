"""Real reference data beside the repository. Not part of it (licences); only CI must have it."""

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def shared(relative: str) -> Path:
    """Path of a reference file; skips the test when it is missing, and fails it in CI."""
    path = SHARED_DATA / relative
    if not path.exists():
        reason = f"reference data {relative} is not beside the repository (../shared/data)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
