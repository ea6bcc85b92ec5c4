"""Prompts for an image database: read, merge near-duplicates, clean, remove what is unfit, select.

    rows = read_prompts([Path("metadata.parquet")])
    result = filter_prompts(rows, PROFILES["paper"])
    result.left                       # rows left after each rule
    [kept.text for kept in result.kept]

Everything is deterministic: the same rows and options give the same result, whatever the machine.
"""

from generation.prompts.options import PROFILES, Options
from generation.prompts.pipeline import RULES, Drop, Filtered, Kept, filter_prompts
from generation.prompts.reading import Row, Source, read_prompts

__all__ = [
    "PROFILES",
    "RULES",
    "Drop",
    "Filtered",
    "Kept",
    "Options",
    "Row",
    "Source",
    "filter_prompts",
    "read_prompts",
]
