"""A pytest plugin (`-p tests.ordering`): the order stays random, but what is slow comes after what is fast."""

import pytest

SLOW_MARKERS = ("postgres", "browser", "chaos", "slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by the slowest marker a test has; the sort is stable, so within a group the random order holds."""
    items.sort(
        key=lambda item: max(
            (SLOW_MARKERS.index(m.name) + 1 for m in item.iter_markers() if m.name in SLOW_MARKERS), default=0
        )
    )
