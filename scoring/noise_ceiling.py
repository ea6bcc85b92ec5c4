"""The noise ceiling: how well could any metric do against MOS that are themselves means of noisy ratings?

Two estimates, which answer different questions:

- split-half, the ceiling proper: the correlation with the MOS of a noiseless predictor, one that knows what a panel
  without end would say. Random halves of the subjects are scored apart and correlated; the correlation is carried to
  the length of the whole panel (Spearman 1910, Brown 1910: R = m r / (1 + (m - 1) r) for m times as many subjects),
  which gives the reliability R, the share of the variance that is not noise. The ceiling of a correlation is sqrt(R),
  not R (CCmax of Schoppe et al. 2016).
- resampling, an upper reference: k subjects are drawn from the k with replacement, and the MOS they give is correlated
  with the MOS of all. Both share raters, so it lies above the ceiling: about sqrt((1 + x) / (1 + (2 - 1/k) x)) instead
  of sqrt(1 / (1 + x)), x being the noise-to-signal ratio of the MOS. Its interval says how much another draw of raters
  moves the MOS.

Rank correlations do not obey Spearman-Brown. They are carried to Pearson's scale by the relations of the bivariate
normal law (Kruskal 1958), and noise over signal is taken to fall as length^-b instead of 1 / length, with b from halves
and quarters. Against simulated truth this is within 0.005 where Spearman-Brown is up to 0.03 too high (latent quality
with 70 % of the images in the top fifth of the scale).

Contract: seeded and deterministic, independent of the order of rows. The panel is taken as given: split-half intervals
are for another sample of images. What is undefined is None with a reason. Sources: docs/opinion-scores.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.cells import Cells
from scoring.correlations import krocc, pearson, srocc
from scoring.intervals import MOSTLY, multiplicities
from scoring.opinion_scores import mean_z, standardise
from scoring.rank_bootstrap import RankBootstrap
from scoring.ratings import SCALE, Source, read_ratings
from scoring.scratch import Scratch
from scoring.screening import THRESHOLD
from scoring.transforms import check_transform, fit_map

Floats = NDArray[np.float64]

METRICS = ("srocc", "krocc", "plcc")
_TAILS = (0.025, 0.975)
_INTERVAL_SPLITS = 8  # splits whose mean is resampled for the interval
_FEWEST_IMAGES = 10

# To Pearson's r of a bivariate normal law, and back.
_LINKS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "srocc": (lambda rho: 2 * np.sin(np.pi * rho / 6), lambda r: 6 / np.pi * np.arcsin(r / 2)),
    "krocc": (lambda tau: np.sin(np.pi * tau / 2), lambda r: 2 / np.pi * np.arcsin(r)),
    "plcc": (np.asarray, np.asarray),
}


@dataclass(frozen=True, eq=False)
class NoiseCeiling:
    """What `estimate_noise_ceiling` found; every value in [-1, 1] or None.

    `split_half`: {metric: {estimate, interval, half, spearman_brown, exponent}}: the ceiling, its 95 % interval, the
    mean correlation between halves, the ceiling by Spearman-Brown alone, and b. `resampling`: {metric: {estimate,
    interval}}. `reliability`: R of the MOS. `rejected`: {subject: reason}. `reasons`: {metric: why it, or its interval,
    is None}.
    """

    images: int
    subjects: int
    transform: str
    seed: int
    split_half: dict[str, dict[str, Any]]
    resampling: dict[str, dict[str, Any]]
    reliability: float | None
    rejected: dict[str, str] = field(repr=False)
    reasons: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {
            "images": self.images,
            "subjects": self.subjects,
            "transform": self.transform,
            "seed": self.seed,
            "reliability": self.reliability,
            "split_half": {name: dict(one) for name, one in self.split_half.items()},
            "resampling": {name: dict(one) for name, one in self.resampling.items()},
            "reasons": dict(self.reasons),
            "rejected": dict(self.rejected),
        }


def estimate_noise_ceiling(
    ratings: Source,
    screening: str = "srocc",
    transform: str = "shift_log",
    *,
    threshold: float = THRESHOLD,
    session_mean: str = "subject_session",
    duplicates: str = "reject",
    scale: tuple[float, float] = SCALE,
    splits: int = 40,
    resamples: int = 200,
    seed: int = 0,
) -> NoiseCeiling:
    """The ceiling of SRoCC, KRoCC and PLCC for the MOS that `mean_opinion_scores` makes with the same options.

    splits: random splits of the panel; resamples: of images (split-half interval) and of subjects.
    Raises InvalidRatings for what the table holds, ValueError for an option ("literal" cannot be used: halves of the
    panel reach further below -1 than the whole).
    """
    check_transform(transform)
    if transform == "literal":
        raise ValueError("the literal transform is undefined for parts of the panel: choose another for the ceiling")
    if splits < 1 or resamples < 2:
        raise ValueError("at least 1 split and 2 resamples are needed")
    table = read_ratings(ratings, scale=scale, duplicates=duplicates)
    found = standardise(table, screening, threshold, session_mean=session_mean)
    panel = _Panel(found.z, np.flatnonzero(found.kept), transform)
    reasons = {}
    if len(panel.subjects) < 2:
        reasons = dict.fromkeys(METRICS, f"{len(panel.subjects)} subject is left: halves need at least 2")
    elif panel.whole.defined.sum() < _FEWEST_IMAGES:
        reasons = dict.fromkeys(METRICS, f"fewer than {_FEWEST_IMAGES} images have a MOS")
    nothing: dict[str, dict[str, Any]] = {name: {"estimate": None, "interval": None} for name in METRICS}
    if reasons:
        split_half, resampling = nothing, nothing
    else:
        split_half = _split_half(panel, splits, resamples, seed, reasons)
        resampling = _resampling(panel, resamples, seed)
    ceiling = split_half["plcc"]["estimate"]
    return NoiseCeiling(
        images=len(table.images),
        subjects=len(panel.subjects),
        transform=transform,
        seed=seed,
        split_half=split_half,
        resampling=resampling,
        reliability=None if ceiling is None else ceiling**2,
        rejected=found.rejected,
        reasons=reasons,
    )


@dataclass(frozen=True, eq=False)
class _Scores:
    """What part of a panel says: zbar and MOS per image, nan where it rated nothing."""

    zbar: Floats
    mos: Floats

    @property
    def defined(self) -> NDArray[np.bool_]:
        return np.isfinite(self.mos)


class _Panel:
    """The subjects that were kept, and the scores any weighting of them gives."""

    def __init__(self, z: Cells, subjects: NDArray[np.intp], transform: str) -> None:
        self.z, self.subjects, self.transform = z, subjects, transform
        self.whole = self.scores(subjects)

    def scores(self, chosen: NDArray[np.intp]) -> _Scores:
        """Scores of the chosen subjects, who count as often as they occur."""
        zbar = mean_z(self.z, np.bincount(chosen, minlength=self.z.subjects).astype(np.float64))
        try:
            return _Scores(zbar, fit_map(zbar, self.transform).mos(zbar))
        except ValueError:  # this part of the panel tells no two images apart
            return _Scores(zbar, np.full_like(zbar, np.nan))


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two disjoint parts of the panel on the images that both rated."""

    first: _Scores
    second: _Scores

    @property
    def both(self) -> NDArray[np.bool_]:
        return self.first.defined & self.second.defined

    def correlations(self) -> Floats:
        """In the order of METRICS, nan where undefined."""
        rows = self.both
        one, other = self.first.zbar[rows], self.second.zbar[rows]
        return np.array([srocc(one, other), krocc(one, other), pearson(self.first.mos[rows], self.second.mos[rows])])


def _split_half(
    panel: _Panel, splits: int, resamples: int, seed: int, reasons: dict[str, str]
) -> dict[str, dict[str, Any]]:
    whole, half = len(panel.subjects), len(panel.subjects) // 2
    quarter = half // 2
    pairs = list(_pairs(panel, splits, half, quarter, seed))
    between = np.array([[pair.correlations() for pair in pair_of_sizes] for pair_of_sizes in pairs]).mean(axis=0)
    deviations = _interval_deviations(pairs[:_INTERVAL_SPLITS], (whole, half, quarter), resamples, seed)
    found = {}
    for i, metric in enumerate(METRICS):
        estimate, plain, exponent = (float(v) for v in _extrapolate(metric, between[:, i], (whole, half, quarter)))
        if math.isnan(plain):
            reasons[metric] = "the halves of the panel do not agree: their correlation is not positive"
        elif math.isnan(estimate):
            reasons[metric] = "quarters of the panel are needed as well: at least 4 subjects, and agreement among them"
        spread = deviations[:, i][np.isfinite(deviations[:, i])]
        defined = math.isfinite(estimate) and spread.size >= MOSTLY * resamples
        if math.isfinite(estimate) and not defined:
            reasons[metric] = f"no interval: fewer than {_FEWEST_IMAGES} images were rated by every part of the panel"
        found[metric] = {
            "estimate": _or_none(estimate),
            "interval": [min(1.0, estimate + float(q)) for q in np.quantile(spread, _TAILS)] if defined else None,
            "half": _or_none(float(between[0, i])),
            "spearman_brown": _or_none(plain),
            "exponent": _or_none(exponent),
        }
    return found


def _pairs(panel: _Panel, splits: int, half: int, quarter: int, seed: int) -> Iterator[list[_Pair]]:
    """For each split: the pair of halves and, where the panel has four subjects or more, a pair of quarters."""
    generator = np.random.Generator(np.random.PCG64(seed))
    for _ in range(splits):
        order = generator.permutation(panel.subjects)
        sizes = [half, quarter] if quarter else [half]
        yield [_Pair(panel.scores(order[:size]), panel.scores(order[half : half + size])) for size in sizes]


def _extrapolate(metric: str, between: Floats, sizes: tuple[int, int, int]) -> tuple[Floats, Floats, Floats]:
    """(ceiling, ceiling by Spearman-Brown, exponent b) from the correlations of halves and quarters.

    between: shape (1 or 2, ...), halves first. With g the correlation on Pearson's scale, (1 - g) / g is the ratio of
    noise to signal of a part of the panel; Spearman-Brown lets it fall as 1 / length.
    """
    whole, half, quarter = sizes
    to_pearson, back = _LINKS[metric]
    g = to_pearson(np.where(between > 0, between, np.nan))
    noise = (1 - g) / g
    exponent = np.full_like(noise[0], 1.0 if metric == "plcc" else np.nan)
    if metric != "plcc" and quarter:
        with np.errstate(divide="ignore", invalid="ignore"):  # no noise in the halves: any exponent will do
            fitted = np.log(noise[1] / noise[0]) / math.log(half / quarter)
        exponent = np.where(noise[0] > 0, np.maximum(fitted, 0), 1.0)
    ceilings = [back(np.sqrt(1 / (1 + noise[0] * (half / whole) ** b))) for b in (exponent, np.ones_like(exponent))]
    return ceilings[0], ceilings[1], exponent


def _interval_deviations(pairs: list[list[_Pair]], sizes: tuple[int, int, int], resamples: int, seed: int) -> Floats:
    """By how much the ceiling moves when the images are resampled, shape (resamples, metrics); nan where undefined.

    All splits meet the same resamples, so that their mean moves as the mean over splits does.
    """
    flat = [pair for of_sizes in pairs for pair in of_sizes]
    rows = np.logical_and.reduce([pair.both for pair in flat])
    n = int(np.count_nonzero(rows))
    if n < _FEWEST_IMAGES:
        return np.full((resamples, len(METRICS)), np.nan)
    scratch = Scratch()
    kernels = [_PairBootstrap(pair, rows, scratch) for pair in flat]
    whole_sample = np.ones((n, 1), dtype=np.float32)
    slabs = [np.stack([kernel(w) for kernel in kernels]) for w in (whole_sample, *multiplicities(n, resamples, seed))]
    values = np.concatenate(slabs, axis=2)  # pairs, metrics, 1 + resamples
    between = values.reshape(len(pairs), -1, *values.shape[1:]).mean(axis=0)
    ceilings = np.stack([_extrapolate(metric, between[:, i], sizes)[0] for i, metric in enumerate(METRICS)], axis=1)
    return np.asarray(ceilings[1:] - ceilings[0])


class _PairBootstrap:
    """The correlations of a pair on resamples of the images flagged in `rows`."""

    def __init__(self, pair: _Pair, rows: NDArray[np.bool_], scratch: Scratch) -> None:
        self.ranks = RankBootstrap(pair.first.zbar[rows], pair.second.zbar[rows], scratch)
        x, y = (scores.mos[rows] - scores.mos[rows].mean() for scores in (pair.first, pair.second))
        self.moments = np.stack([x, y, x * x, y * y, x * y])

    def __call__(self, weights: NDArray[np.float32]) -> Floats:
        """Shape (metrics, m) for weights of shape (n, m)."""
        ranks = self.ranks(weights)
        x, y, xx, yy, xy = self.moments @ weights / weights.shape[0]
        variance = (xx - x * x) * (yy - y * y)
        plcc = np.divide(xy - x * y, np.sqrt(variance), out=np.full_like(xy, np.nan), where=variance > 0)
        return np.stack([ranks["srocc"], ranks["krocc"], plcc])


def _resampling(panel: _Panel, resamples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Correlation of the MOS of resampled subjects with the MOS of all: mean and percentiles."""
    generator = np.random.Generator(np.random.PCG64(seed))
    draws = []
    for _ in range(resamples):
        chosen = generator.choice(panel.subjects, size=len(panel.subjects))
        draws.append(_Pair(panel.scores(chosen), panel.whole).correlations())
    found: dict[str, dict[str, Any]] = {}
    for metric, values in zip(METRICS, np.array(draws).T, strict=True):
        defined = values[np.isfinite(values)]
        enough = defined.size >= MOSTLY * resamples
        found[metric] = {
            "estimate": float(defined.mean()) if enough else None,
            "interval": [float(q) for q in np.quantile(defined, _TAILS)] if enough else None,
        }
    return found


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
