"""Times and memory of MOS, screening, subject model and noise ceiling at the size of the paper's study.

    OMP_NUM_THREADS=1 python -m benchmarks.opinion [--peer /path/to/a/python/with/sureal]

The study is simulated: 21 subjects, 20,000 images, 40 sessions of 500, 420,000 ratings in steps of 0.1. The peer is
sureal, which is no dependency of ours: make an environment of its own and give its interpreter,

    python3 -m venv var/peer && var/peer/bin/pip install sureal numpy scipy

Both sides start from ratings in memory and run in the same minute on the same machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scoring import resident, table, timed
from scoring import Ratings, estimate_noise_ceiling, fit_subject_model, mean_opinion_scores, read_ratings, srocc
from scoring.screening import screen
from scoring.transforms import TRANSFORMS

SUBJECTS, IMAGES, SESSIONS = 21, 20_000, 40

# Runs in the peer's interpreter: argument 1 is a CSV; prints {model: seconds}, reading not counted.
PEER = """
import contextlib, csv, io, json, sys, time, types, warnings
from sureal.dataset_reader import RawDatasetReader
from sureal import subjective_model as models
warnings.simplefilter("ignore")
images = {}
with open(sys.argv[1], newline="") as stream:
    for row in csv.DictReader(stream):
        images.setdefault(row["image"], {})[row["subject"]] = float(row["rating"])
videos = [{"content_id": 0, "asset_id": i, "os": os, "path": name} for i, (name, os) in enumerate(images.items())]
dataset = types.SimpleNamespace(
    dataset_name="study", yuv_fmt="", width=1, height=1, ref_score=5.0, dis_videos=videos,
    ref_videos=[{"content_id": 0, "content_name": "", "path": ""}],
)
seconds = {}
for name in ("ZscoringMosModel", "SubjrejMosModel", "SubjectMLEModelProjectionSolver"):
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        getattr(models, name)(RawDatasetReader(dataset)).run_modeling()
    seconds[name] = time.perf_counter() - began
print(json.dumps(seconds))
"""


def simulate() -> tuple[Any, Any, Any]:
    """(quality, ratings images x subjects, session of each image): 70 % of the qualities in [4, 5], two bad raters."""
    rng = np.random.default_rng(0)
    quality = np.where(rng.random(IMAGES) < 0.7, rng.uniform(4, 5, IMAGES), rng.uniform(0, 4, IMAGES))
    session = np.arange(IMAGES) * SESSIONS // IMAGES
    scores = quality[:, None] + rng.normal(0, 0.3, SUBJECTS) + rng.normal(0, 0.2, (SESSIONS, SUBJECTS))[session]
    scores += rng.normal(0, 0.6, scores.shape)
    scores[:, :2] = rng.uniform(0, 5, (IMAGES, 2))
    return quality, np.round(np.clip(scores, 0, 5), 1), session


def write_study(path: Path) -> Any:
    """Write the CSV, subject by subject as it would be collected; returns the quality of the images."""
    quality, scores, session = simulate()
    rows = (
        f"subject{j:02d},Generator_{i:05d}.png,{session[i]},{scores[i, j]:.1f}\n"
        for j in range(SUBJECTS)
        for i in range(IMAGES)
    )
    path.write_text("subject,image,session,rating\n" + "".join(rows))
    return quality


def reading_and_scoring(path: Path) -> None:
    """What a user waits for, from the file."""
    ratings = read_ratings(path)
    rows = []
    steps: list[tuple[str, Callable[[], object], int]] = [
        ("read and check the CSV", partial(read_ratings, path), 5),
        ("MOS from the CSV (goal: 2 s)", partial(mean_opinion_scores, path), 5),
        ("MOS, ratings in memory", partial(mean_opinion_scores, ratings), 5),
        ("subject model, ratings in memory", partial(fit_subject_model, ratings), 5),
        ("noise ceiling, ratings in memory", partial(estimate_noise_ceiling, ratings), 1),
    ]
    for label, run, repeats in steps:
        rows.append([label, *(f"{seconds:.2f} s" for seconds in timed(run, repeats))])
    command = [sys.executable, "-m", "benchmarks.opinion", "--peak", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows.append(["resident memory before, and peak of MOS from the CSV", done.stdout.strip(), ""])
    table(f"{len(ratings):,} ratings", ["what", "min", "median"], rows)


def shapes(path: Path, quality: Any) -> None:
    """What the transforms do to left-skewed ratings."""
    ratings = read_ratings(path)
    rows: list[list[str]] = []
    for name in TRANSFORMS:
        scores = mean_opinion_scores(ratings, transform=name, mask_undefined=True)
        mos = scores.table["mos"]
        defined = np.isfinite(mos)
        found = scores.diagnostics["distributions"]
        if not rows:
            rows.append(["raw mean", "0", *shape(found["raw"]), ""])
        pearson = np.corrcoef(quality[defined], mos[defined])[0, 1]
        rows.append([name, f"{1 - defined.mean():.1%}", *shape(found[name]), f"{pearson:.3f}"])
    header = ["transform", "undefined", "mean", "skew", "share in [4,5]", "KS to uniform", "Pearson with the quality"]
    table("Transforms of eq. 3 on left-skewed ratings", header, rows)


def shape(one: dict[str, float]) -> list[str]:
    return [f"{one['mean']:.2f}", f"{one['skew']:.2f}", f"{one['share_4_to_5']:.3f}", f"{one['ks_uniform']:.3f}"]


def readings(path: Path, quality: Any) -> None:
    """What the readings of eq. 1 do to the agreement with the true quality."""
    ratings = read_ratings(path)
    names = ("subject_session", "session", "literal_cumulative")
    scores = {name: mean_opinion_scores(ratings, session_mean=name).table["mos"] for name in names}
    rows = [[name, f"{srocc(quality, mos):.4f}"] for name, mos in scores.items()]
    table("Readings of eq. 1", ["reading", "SRoCC with the quality"], rows)


def compare_with_peer(path: Path, python: str) -> None:
    """The same three models in sureal, in an interpreter that has it."""
    done = subprocess.run([python, "-c", PEER, str(path)], capture_output=True, text=True, check=True)
    peer = json.loads(done.stdout)
    ratings = read_ratings(path)
    runs: list[tuple[str, str, Callable[[], object]]] = [
        ("z-score MOS", "ZscoringMosModel", partial(mean_opinion_scores, ratings, "none", "identity")),
        ("kurtosis screening and mean ratings", "SubjrejMosModel", partial(screened_means, ratings)),
        ("maximum likelihood", "SubjectMLEModelProjectionSolver", partial(fit_subject_model, ratings)),
    ]
    rows = []
    for label, name, run in runs:
        ours, _ = timed(run, 5)
        rows.append([label, f"{ours:.2f} s", f"{peer[name]:.2f} s", f"{peer[name] / ours:.1f}"])
    table("This library and sureal", ["what", "this library", "sureal", "ratio"], rows)


def screened_means(ratings: Ratings) -> Any:
    """Plain means of the images over the subjects that BT.500's kurtosis rule keeps."""
    cells = ratings.cells()
    kept = np.ones(cells.subjects, dtype=np.bool_)
    kept[list(screen(cells, "bt500").reasons)] = False
    return cells.of(kept).image_means()


def print_peak(path: Path) -> None:
    """Child process: resident memory before, and its peak during, MOS from the CSV (Linux)."""
    before = resident("VmRSS")
    mean_opinion_scores(path)
    print(f"{before:.0f} MB, {resident('VmHWM'):.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--peer", help="a Python that can import sureal")
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print_peak(arguments.peak)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.csv"
        quality = write_study(path)
        reading_and_scoring(path)
        shapes(path, quality)
        readings(path, quality)
        if arguments.peer:
            compare_with_peer(path, arguments.peer)


if __name__ == "__main__":
    main()
