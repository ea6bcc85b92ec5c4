"""Rows without files, and one run of the profile `paper` on 30,000 real rows."""

from __future__ import annotations

import pytest

from generation.prompts import PROFILES, Filtered, Row, Source, filter_prompts, read_prompts
from tests.reference import shared


def rows_of(*texts: str) -> list[Row]:
    """Rows with ids r1, r2, ..."""
    return [Row(f"r{n}", text, "test.txt", n, damaged=False) for n, text in enumerate(texts, start=1)]


@pytest.fixture(scope="session")
def discord_rows() -> list[Row]:
    return read_prompts([shared("prompts/sd_discord_30k.tsv")], Source(column="prompt", id_column="id"))


@pytest.fixture(scope="session")
def discord(discord_rows: list[Row]) -> Filtered:
    return filter_prompts(discord_rows, PROFILES["paper"])
