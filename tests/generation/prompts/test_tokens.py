"""CLIP token counts against OpenAI's tokenizer."""

from __future__ import annotations

import csv

import pytest

from generation.prompts.tokens import LENGTH_BINS, count_tokens, length_bin
from tests.reference import shared

# Counted with SimpleTokenizer of open-clip-torch 3.3.0 (OpenAI's code and vocabulary), without begin and end marks.
COUNTED = [
    ("", 0),
    ("a photo of a cat", 5),
    ("Zdzisław Beksiński, 8k!!! f/1.4 85mm it's don't", 26),
    ("кошка ночью 夜の猫 😀", 21),
    ("anthropomorphic hyperdetailed ____ #hashtag", 9),
    ("salt &amp; pepper 1950s", 8),
]


@pytest.mark.parametrize(("text", "count"), COUNTED)
def test_counts_equal_those_of_openais_tokenizer(text, count):
    assert count_tokens(text) == count


def test_the_released_prompts_have_the_length_bins_that_openais_tokenizer_gives():
    """All 16,000 counts are equal, one by one; the sums are kept here."""
    prompts = []
    for name in ("train", "val"):
        with shared(f"aigiqa20k-train/info_{name}.csv").open(encoding="utf-8", newline="") as stream:
            prompts += [row["prompt"] for row in csv.DictReader(stream)]
    counts = [count_tokens(prompt) for prompt in prompts]
    bins = [length_bin(count) for count in counts]
    assert [bins.count(name) for name in LENGTH_BINS] == [5153, 4479, 5749, 619]
    assert sum(counts) == 583_611


@pytest.mark.parametrize(
    ("tokens", "name"),
    [(0, "<=20"), (20, "<=20"), (21, "21-40"), (40, "21-40"), (41, "41-77"), (77, "41-77"), (78, ">77")],
)
def test_the_bounds_of_the_bins(tokens, name):
    assert length_bin(tokens) == name
