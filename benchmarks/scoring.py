"""Times and accuracy of the scoring library, as Markdown tables.

    OMP_NUM_THREADS=1 python benchmarks/scoring.py [--pairs ../shared/data/eq4-reference]

Eq. 4 is compared with scipy's curve_fit from the five starting points of public code, in the same run on the same real
pairs. "min" is the honest figure on a shared machine, "median" shows its load.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).parent)]

from scoring import AnswerKey, compare, evaluate, fit_logistic  # noqa: E402 (the path must be set first)
from scoring.predictions import validate  # noqa: E402

# In the order of reference implementations: FSIM/SSIM, DBCNN, IQA-PyTorch, M3-AGIQA, Zhou Wang's findrmse2.
STARTS: dict[str, Callable[[Any, Any], list[float]]] = {
    "FSIM [max, min, mean, .1, .1]": lambda x, y: [y.max(), y.min(), x.mean(), 0.1, 0.1],
    "DBCNN [10, 0, mean(x), .1, .1]": lambda x, y: [10, 0, x.mean(), 0.1, 0.1],
    "IQA-PyTorch [10, 0, mean(y), .1, .1]": lambda x, y: [10, 0, y.mean(), 0.1, 0.1],
    "M3-AGIQA [10, .1, mean(y), .1, .1]": lambda x, y: [10, 0.1, y.mean(), 0.1, 0.1],
    "Wang [+-range, 1/sd, mean(x), mean(y), 1]": lambda x, y: [
        np.sign(np.corrcoef(x, y)[0, 1]) * np.ptp(y),
        1 / x.std(),
        x.mean(),
        y.mean(),
        1,
    ],
}


def timed(run: Callable[[], object], repeats: int = 7) -> tuple[float, float]:
    """(min, median) seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times), statistics.median(times)


def table(title: str, header: list[str], rows: list[list[str]]) -> None:
    """Print one Markdown table."""
    print(f"\n### {title}\n")
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(row) + " |")


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def compare_with_curve_fit(folder: Path) -> None:
    """Eq. 4 on the reference pairs: failures, PLCC short of the best known optimum, time."""
    index = folder / "eq4_reference.json"
    if not index.exists():
        print(f"\nThe reference pairs are missing ({folder}): the comparison with curve_fit is left out.")
        return
    pairs = []
    for entry in json.loads(index.read_text()).values():
        x, y = np.loadtxt(folder / entry["file"], delimiter=",", skiprows=1).T
        pairs.append((x, y, entry["plcc_eq4_global"]))
    rows = [summarise("this library", [(abs(fit_logistic(x, y).plcc), best, fit_time(x, y)) for x, y, best in pairs])]
    if importlib.util.find_spec("scipy") is not None:
        rows += [summarise(name, [curve_fit_result(start, *pair) for pair in pairs]) for name, start in STARTS.items()]
    header = ["method", "pairs", "failed", "> 1e-3 short", "worst shortfall", "median time", "worst time"]
    table("Eq. 4: global fit against curve_fit", header, rows)


def fit_time(x: Any, y: Any) -> float:
    return timed(lambda: fit_logistic(x, y), 3)[0]


def curve_fit_result(start: Callable[[Any, Any], list[float]], x: Any, y: Any, best: float) -> tuple[Any, float, float]:
    """(PLCC or None when it raises, best known PLCC, seconds) of one curve_fit run with scipy's defaults."""
    from scipy.optimize import curve_fit
    from scipy.special import expit

    def eq4(x: Any, a1: float, a2: float, a3: float, a4: float, a5: float) -> Any:  # noqa: PLR0917
        return a1 * (expit(a2 * (x - a3)) - 0.5) + a4 * x + a5

    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            params, _ = curve_fit(eq4, x, y, p0=start(x, y))
            value = abs(np.corrcoef(eq4(x, *params), y)[0, 1])
        except RuntimeError:
            value = None
    return value, best, time.perf_counter() - began


def summarise(name: str, results: list[tuple[Any, float, float]]) -> list[str]:
    shortfalls = [best - value for value, best, _ in results if value is not None and np.isfinite(value)]
    times = [seconds for _, _, seconds in results]
    return [
        name,
        str(len(results)),
        str(len(results) - len(shortfalls)),
        str(sum(shortfall > 1e-3 for shortfall in shortfalls)),
        f"{max(0.0, *shortfalls):.1e}",
        milliseconds(statistics.median(times)),
        milliseconds(max(times)),
    ]


def synthetic(n: int) -> tuple[tuple[str, ...], Any, Any]:
    """Names, predictions and MOS of n images, SRoCC near 0.78."""
    rng = np.random.default_rng(0)
    quality = rng.uniform(-2, 2, n)
    mos = np.clip(2.5 + quality + rng.normal(0, 0.6, n), 0, 5)
    return tuple(f"Generator_{i:06d}.png" for i in range(n)), quality + rng.normal(0, 0.7, n), mos


def evaluation_times() -> None:
    """Fit and evaluate at the sizes of a test split and of the whole database."""
    rows = []
    for n in (4_000, 20_000):
        names, x, y = synthetic(n)
        plain = AnswerKey(names, y)
        grouped = AnswerKey(names, y, {"generator": [str(i % 15) for i in range(n)]})
        rated = AnswerKey(
            names,
            y,
            mos_std=np.full(n, 0.8),
            n_ratings=np.full(n, 21.0),
            pair_group=[str(i // 4) for i in range(n)],
        )
        predictions = dict(zip(names, x.tolist(), strict=True))
        for label, run, repeats in (
            ("fit_logistic", partial(fit_logistic, x, y), 9),
            ("evaluate", partial(evaluate, predictions, plain, bootstrap=0), 7),
            ("evaluate, 15 subsets", partial(evaluate, predictions, grouped, bootstrap=0), 7),
            ("evaluate, 1,000 resamples", partial(evaluate, predictions, plain), 2),
            ("evaluate, all criteria", partial(evaluate, predictions, rated, bootstrap=0, criteria=True), 2),
        ):
            rows.append([label, f"{n:,}", *map(milliseconds, timed(run, repeats))])
    table("Evaluation", ["what", "n", "min", "median"], rows)


def halves(n: int) -> AnswerKey:
    """A key like the paper's table 3: six subsets in three columns, each column dividing all rows in two."""
    names, _, y = synthetic(n)
    columns = {
        column: ["default" if (i // step) % 20 < share else "abnormal" for i in range(n)]
        for column, step, share in (("cfg", 1, 13), ("iteration", 20, 11), ("resolution", 7, 11))
    }
    return AnswerKey(names, y, columns)


def scipy_resample(x: Any, y: Any, rng: Any) -> tuple[float, float, float]:
    """SRoCC, KRoCC and Pearson of one resample, as a plain loop with scipy takes them."""
    from scipy import stats

    i = rng.integers(x.size, size=x.size)
    found = (stats.spearmanr(x[i], y[i])[0], stats.kendalltau(x[i], y[i])[0], stats.pearsonr(x[i], y[i])[0])
    return tuple(map(float, found))  # type: ignore[return-value]


def bootstrap_times() -> None:
    """Intervals overall and of six subsets against a loop over scipy on the same rows, in the same run.

    Every column divides all rows, so the six subsets are three times the rows: the loop is timed on 20 resamples of
    the whole and of each subset and multiplied up. It does not fit: the maps are held fixed on both sides.
    """
    if importlib.util.find_spec("scipy") is None:
        return
    rows = []
    for n in (4_000, 20_000):
        key, (names, x, y) = halves(n), synthetic(n)
        predictions = dict(zip(names, x.tolist(), strict=True))
        own = (
            timed(partial(evaluate, predictions, key), 3)[0] - timed(partial(evaluate, predictions, key, None, 0), 3)[0]
        )
        rng = np.random.default_rng(0)
        parts = [np.arange(n)]
        for labels in key.subsets.values():
            parts += [np.flatnonzero(np.array(labels) == label) for label in ("default", "abnormal")]
        scipy_resample(x, y, rng)  # imports scipy
        began = time.perf_counter()
        for part in parts:
            for _ in range(20):
                scipy_resample(x[part], y[part], rng)
        loop = (time.perf_counter() - began) * 1000 / 20
        whole = timed(partial(evaluate, predictions, key), 1)[0]
        memory = peak_memory(n, "--peak-bootstrap")
        rows.append([f"{n:,}", f"{whole:.2f} s", f"{own:.2f} s", f"{loop:.1f} s", f"{loop / own:.0f} x", memory])
    header = ["n", "evaluate", "of which intervals", "the same by a scipy loop", "ratio", "resident: before, peak"]
    table("1,000 resamples, overall and six subsets", header, rows)


def print_bootstrap_peak(n: int) -> None:
    """Child process: resident memory before, and its peak after, one evaluation with intervals and six subsets."""
    key, (names, x, _) = halves(n), synthetic(n)
    predictions = dict(zip(names, x.tolist(), strict=True))
    evaluate(predictions, key, bootstrap=0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    evaluate(predictions, key)
    print(f"{before:.0f} MB, {resident('VmHWM'):.0f} MB")


def comparison_times() -> None:
    """Ranks, pairs and groups of a whole board at the size of a test split; the larger takes half a minute."""
    n, resamples = 2_800, 1_000
    names, x, y = synthetic(n)
    key = AnswerKey(names, y)
    rng = np.random.default_rng(1)
    noisy = (x + rng.normal(0, noise, n) for noise in np.linspace(0.1, 0.8, 200))
    entries = [evaluate(dict(zip(names, one.tolist(), strict=True)), key, bootstrap=0) for one in noisy]
    rows = []
    for count, metric in ((20, "main"), (20, "krocc"), (200, "main")):
        best, _ = timed(partial(compare, entries[:count], resamples=resamples, metric=metric), 1)
        rows.append([str(count), metric, f"{n:,}", f"{count * (count - 1) // 2:,}", f"{best:.1f} s"])
    table("Comparison of a board, 1,000 resamples", ["entries", "metric", "n", "pairs", "time"], rows)


def prediction_file(n: int) -> tuple[tuple[str, ...], bytes]:
    names, x, _ = synthetic(n)
    return names, "".join(f"{name},{score:.9f}\n" for name, score in zip(names, x.tolist(), strict=True)).encode()


def validation_times() -> None:
    """Validation of a test split and of the largest file allowed, with the peak memory of a fresh process."""
    rows = []
    for n, repeats in ((4_000, 9), (1_000_000, 1)):
        names, content = prediction_file(n)
        best, median = timed(partial(validate, content, names), repeats)
        rows.append(
            [f"{n:,}", f"{len(content) / 1e6:.1f} MB", milliseconds(best), milliseconds(median), peak_memory(n)]
        )
    header = ["rows", "file", "min", "median", "resident memory: file and names, then peak"]
    table("Validation of a prediction file", header, rows)


def peak_memory(n: int, what: str = "--peak") -> str:
    """Resident memory before and at the peak of one validation, or other work, measured in a fresh process."""
    command = [sys.executable, __file__, what, str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def print_peak(n: int) -> None:
    """Child process: resident memory before, and its peak after, one validation.

    The kernel's peak counter is reset once the file and the names are made (Linux), so only the validation is seen.
    """
    names, content = prediction_file(n)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    report = validate(content, names)
    assert report.ok
    print(f"{before:.0f} MB, {resident('VmHWM'):.0f} MB")


def resident(field: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pairs", type=Path, default=ROOT.parent / "shared" / "data" / "eq4-reference")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--peak-bootstrap", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak_bootstrap:
        print_bootstrap_peak(arguments.peak_bootstrap)
        return
    if arguments.peak:
        print_peak(arguments.peak)
        return
    compare_with_curve_fit(arguments.pairs)
    evaluation_times()
    bootstrap_times()
    comparison_times()
    validation_times()


if __name__ == "__main__":
    main()
