"""Subjective studies for tests: simulated ones with known truth, and the real raw ratings beside the repository."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

import numpy as np

from scoring.ratings import Ratings, read_ratings
from tests.reference import shared

Row = tuple[str, str, str, float]


def rows_of(matrix: np.ndarray, sessions: Iterable[str] | None = None) -> list[Row]:
    """(subject, image, session, rating) of a matrix images x subjects, nan where there is none."""
    images, subjects = matrix.shape
    names = list(sessions) if sessions is not None else [""] * images
    return [
        (f"s{j:02d}", f"{i:05d}.png", names[i], float(matrix[i, j]))
        for i in range(images)
        for j in range(subjects)
        if not np.isnan(matrix[i, j])
    ]


def ratings_of(matrix: np.ndarray, sessions: Iterable[str] | None = None) -> Ratings:
    """The same, read and checked."""
    return read_ratings(rows_of(matrix, sessions))


def random_matrix(images: int, subjects: int, *, seed: int = 0, missing: float = 0.0) -> np.ndarray:
    """Ratings in steps of 0.1 on [0, 5] around a common quality; each subject has its own offset and spread."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(2.5, 1, images)
    scores = quality[:, None] * rng.uniform(0.7, 1.2, subjects) + rng.normal(0, 0.4, subjects)
    scores += rng.normal(0, 0.5, scores.shape)
    matrix = np.round(np.clip(scores, 0, 5), 1)
    matrix[rng.random(matrix.shape) < missing] = np.nan
    return matrix


def paper_like(images: int, subjects: int = 21, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(quality, ratings images x subjects, session of each image): left-skewed, drifting, subjects 0 and 1 at random.

    70 % of the qualities lie in [4, 5]; every session of 500 images (40 sessions, if there are fewer images) has its
    own offset for each subject.
    """
    rng = np.random.default_rng(seed)
    quality = np.where(rng.random(images) < 0.7, rng.uniform(4, 5, images), rng.uniform(0, 4, images))
    session = np.arange(images) * 40 // images
    drift = rng.normal(0, 0.2, (40, subjects))
    scores = quality[:, None] + rng.normal(0, 0.3, subjects) + drift[session]
    scores = scores + rng.normal(0, 0.6, scores.shape)
    scores[:, :2] = rng.uniform(0, 5, (images, 2))
    return quality, np.round(np.clip(scores, 0, 5), 1), [str(g) for g in session]


def nflx(*, outliers: bool = False) -> np.ndarray:
    """Netflix public raw ratings, 79 x 26, or 79 x 30 with four planted outliers, in the order of the file."""
    name = "nflx_public_raw_last4outliers.csv" if outliers else "nflx_public_raw.csv"
    table = _table(f"sureal-nflx/{name}")
    return np.array([[float(row[column]) for column in row if column[0] == "s"] for row in table])


def bt500_demo() -> np.ndarray:
    """The demonstration matrix of BT.500-15, 79 x 26 with one vote missing."""
    return np.loadtxt(shared("sureal-nflx/bt500_sample_data.csv"), delimiter=",")


def its4s2() -> np.ndarray:
    """ITS4S2 image ratings, 1,429 x 16, subjects in ascending order of id."""
    table = list(_table("its4s2-raw/its4s2_results.csv"))
    subjects = sorted({row["Tester_id"] for row in table})
    images = sorted({row["File"] for row in table})
    matrix = np.full((len(images), len(subjects)), np.nan)
    place = {name: i for i, name in enumerate(images)}
    for row in table:
        matrix[place[row["File"]], subjects.index(row["Tester_id"])] = float(row["Score"])
    return matrix


def avt(year: int, scale: str) -> Ratings:
    """AVT-AI-Image-Dataset: all votes on one scale of the users with at least 140 different images."""
    name = {2022: "raw_2022_appeal_realism_prompt.csv", 2023: "raw_2023_quality_appeal.csv"}[year]
    table = [row for row in _table(f"avt-ai-images/{name}") if row["scale"] == scale]
    seen: dict[str, set[str]] = {}
    for row in table:
        seen.setdefault(row["user_ID"], set()).add(row["image_key"])
    rows = [(r["user_ID"], r["image_key"], "", r["rating"]) for r in table if len(seen[r["user_ID"]]) >= 140]
    return read_ratings(rows, duplicates="average")


def _table(relative: str) -> Iterator[dict[str, str]]:
    with shared(relative).open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)
