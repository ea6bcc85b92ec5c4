"""Mean opinion scores from raw ratings: the paper's section 3.2 (screening, eqs. 1 to 3), with its slips put right.

The steps, for rating r of image i by subject j in session g:

1. screening: subjects that do not agree with the rest are left out (`scoring.screening`), once;
2. eq. 1: s = r - (mean of j's ratings in session g) + 2.5, which takes out a drift from session to session;
3. eq. 2: z = (s - mean_j) / sd_j, over all images rated by j, divisor n - 1;
4. eq. 3: zbar_i is the mean of z over the subjects who rated i; MOS_i = 5 (T - min T) / (max T - min T) with a named
   transform T of zbar (`scoring.transforms`).

The paper's printed forms and why they are read this way: docs/opinion-scores.md. Contract: the order of the rows cannot
change a bit of the result; what is undefined is nan in arrays and None in JSON; nothing is random.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.analytic import student_quantile
from scoring.cells import Cells
from scoring.correlations import pearson
from scoring.opinion_table import OpinionTable
from scoring.problems import ProblemLog, quoted
from scoring.ratings import SCALE, InvalidRatings, Ratings, Source, read_ratings
from scoring.screening import RULES, THRESHOLD, Screening, screen
from scoring.transforms import TOP, MosMap, check_transform, fit_map

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SESSION_MEANS = ("subject_session", "session", "literal_cumulative")
LEVEL = 0.95
FEW_SUBJECTS = 15  # ITU-R BT.500 asks for at least so many
MANY_REJECTED = 0.3
_DECIMALS = 12  # zbar is rounded to so many: what is only rounding in a sum must not put one image above another


@dataclass(frozen=True, eq=False)
class OpinionScores:
    """What `mean_opinion_scores` found.

    `table`: image, mos, std, n, ci95 (`OpinionTable`). `rejected`: {subject: reason}. `diagnostics`: counts, the
    statistic of every subject, the standard deviation of zbar, and how the raw means, the linear MOS and the chosen
    MOS are distributed. `mapping`: zbar -> MOS, frozen on this whole set. `zbar`: shape (images,), nan where no rating
    is left. `warnings`: sentences.
    """

    table: OpinionTable
    rejected: dict[str, str]
    diagnostics: dict[str, Any] = field(repr=False)
    mapping: MosMap
    zbar: Floats = field(repr=False)
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form, without the table."""
        return {
            "rejected": dict(self.rejected),
            "warnings": list(self.warnings),
            "diagnostics": self.diagnostics,
            "mapping": self.mapping.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class Standardised:
    """Ratings up to eq. 2: `z` holds the z-scores of the subjects that were kept, one cell per subject and image."""

    ratings: Ratings
    screening: Screening
    rejected: dict[str, str]
    z: Cells

    @property
    def kept(self) -> Flags:
        """Which subjects were kept, shape (subjects,)."""
        return np.array([name not in self.rejected for name in self.ratings.subjects], dtype=np.bool_)


def mean_opinion_scores(
    ratings: Source,
    screening: str = "srocc",
    transform: str = "shift_log",
    *,
    threshold: float = THRESHOLD,
    session_mean: str = "subject_session",
    duplicates: str = "reject",
    scale: tuple[float, float] = SCALE,
    mask_undefined: bool = False,
) -> OpinionScores:
    """MOS in [0, 5] of every image, with its spread, from a table of ratings.

    ratings: path to CSV, DataFrame, mapping of columns, rows (subject, image, session, rating), or Ratings.
    screening: a rule of scoring.screening.RULES, `threshold` for the SRoCC rules. transform: of
    scoring.transforms.TRANSFORMS; "literal" fails where it is undefined, or leaves those images without MOS with
    `mask_undefined`. session_mean: which mean eq. 1 takes away, of SESSION_MEANS. duplicates, scale: see read_ratings.
    Raises InvalidRatings for what the table holds, ValueError for an unknown option.

    `std` and `ci95` are those of the z-scores (Student's t, n - 1) times the slope of the map (delta method).
    """
    check_transform(transform)
    found = standardise(
        read_ratings(ratings, scale=scale, duplicates=duplicates), screening, threshold, session_mean=session_mean
    )
    names = found.ratings.images
    zbar = mean_z(found.z)
    if transform == "literal" and not mask_undefined:
        _refuse_undefined(names, zbar)
    try:
        mapping = fit_map(zbar, transform)
    except ValueError as error:
        raise _invalid("constant_scores", f"no MOS: {error}", len(found.ratings)) from None
    slope, counts = mapping.slope(zbar), found.z.per_image().astype(np.int64)
    std = found.z.image_deviations(ddof=1) * slope
    ci95 = std * _half_widths(counts)
    table = OpinionTable(names, mapping.mos(zbar), std, counts, ci95)
    return OpinionScores(
        table, found.rejected, _diagnostics(found, zbar, table, transform), mapping, zbar, _warnings(found, table)
    )


def standardise(
    ratings: Ratings, screening: str = "srocc", threshold: float = THRESHOLD, *, session_mean: str = "subject_session"
) -> Standardised:
    """Screening, eq. 1 and eq. 2. Raises InvalidRatings where no subject is left, ValueError for an unknown option."""
    if session_mean not in SESSION_MEANS:
        raise ValueError(f"unknown session mean {session_mean!r}; known are {', '.join(SESSION_MEANS)}")
    screened = screen(ratings.cells(), screening, threshold)
    kept = np.ones(len(ratings.subjects), dtype=np.bool_)
    kept[list(screened.reasons)] = False
    reasons = dict(screened.reasons)
    remaining = ratings.of(kept)
    cells = remaining.cells(without_session_mean(remaining, session_mean))
    deviations = cells.subject_deviations(ddof=1)
    rounding = 1e-9 * (ratings.scale[1] - ratings.scale[0])
    for place in np.flatnonzero(kept & ~(deviations > rounding)).tolist():
        kept[place] = False
        reasons[place] = "eq. 2 divides by a standard deviation of 0 (one image, or equal ratings within each session)"
    if not kept.any():
        raise _invalid("no_subjects", f"no subject is left after screening ({screening})", len(ratings))
    cells = cells.of(kept)
    z = (cells.value - cells.subject_means()[cells.subject]) / deviations[cells.subject]
    rejected = {ratings.subjects[place]: reasons[place] for place in sorted(reasons)}
    return Standardised(ratings, screened, rejected, cells.with_values(z))


def without_session_mean(ratings: Ratings, reading: str = "subject_session") -> Floats:
    """Eq. 1: the ratings, shape (n,), less a mean of the session, plus the middle of the scale (the paper's 2.5).

    reading: "subject_session": mean of the subject's ratings in the session; "session": mean of all subjects' ratings
    in it; "literal_cumulative": as printed, the sum of the subject's ratings in all *earlier* sessions over the
    number of images of this one, which subtracts about g times the mean in session g.
    """
    sessions = len(ratings.sessions)
    middle = (ratings.scale[0] + ratings.scale[1]) / 2
    group = ratings.session if reading == "session" else ratings.subject * sessions + ratings.session
    groups = sessions if reading == "session" else sessions * len(ratings.subjects)
    sums = np.bincount(group, ratings.rating, groups)
    counts = np.maximum(np.bincount(group, minlength=groups), 1)
    if reading == "literal_cumulative":
        order = _session_order(ratings.sessions)
        by_session = sums.reshape(-1, sessions)[:, order]
        earlier = np.empty_like(by_session)
        earlier[:, order] = np.cumsum(by_session, axis=1) - by_session
        sums = earlier.ravel()
    return np.asarray(ratings.rating - (sums / counts)[group] + middle)


def _session_order(names: Sequence[str]) -> list[int]:
    """Places of the sessions in their order in time: by number where all are numbers, else by name."""
    numbered = all(re.fullmatch(r"[0-9]+", name) for name in names)
    return sorted(range(len(names)), key=lambda place: int(names[place]) if numbered else place)


def mean_z(z: Cells, weight: Floats | None = None) -> Floats:
    """zbar of eq. 3 per image, each subject with a weight (default 1); nan where nobody rated the image."""
    return np.round(z.image_means(weight), _DECIMALS)


def _half_widths(counts: NDArray[np.int64]) -> Floats:
    """t(0.975, n - 1) / sqrt(n) per image; nan for n < 2."""
    found = np.full(counts.shape, np.nan)
    for n in np.unique(counts[counts >= 2]).tolist():
        found[counts == n] = student_quantile(LEVEL, n - 1) / np.sqrt(n)
    return found


def _invalid(code: str, message: str, rows: int, fix: str = "") -> InvalidRatings:
    faults = ProblemLog()
    faults.add(code, message, None, fix)
    return InvalidRatings(faults.report(rows=rows))


def _refuse_undefined(names: Sequence[str], zbar: Floats) -> None:
    """Raises InvalidRatings listing the images whose log(zbar + 1) has no value."""
    undefined = np.flatnonzero(zbar <= -1)
    if undefined.size:
        shown = ", ".join(quoted(names[i]) for i in undefined[:5].tolist())
        message = (
            f"log(zbar + 1) is undefined for {undefined.size} of {len(names)} images, with a mean z of -1 or less: "
            f"{'first ' if undefined.size > 5 else ''}{shown}"
        )
        fix = "Use another transform, or leave these images without MOS (--mask, mask_undefined=True)."
        raise _invalid("undefined_log", message, len(names), fix)


def _diagnostics(found: Standardised, zbar: Floats, table: OpinionTable, transform: str) -> dict[str, Any]:
    ratings, kept = found.ratings, found.kept
    low, high = ratings.scale
    raw = TOP * (ratings.cells().of(kept).image_means() - low) / (high - low)
    defined = zbar[np.isfinite(zbar)]
    names = ratings.subjects
    statistic = dict(zip(names, found.screening.statistic.tolist(), strict=True))
    agreement = np.array(
        [pearson(found.z.value[rows], zbar[found.z.image[rows]]) for _, rows in found.z.by_subject() if rows.size]
    )
    return {
        "ratings": len(ratings),
        "images": len(ratings.images),
        "subjects": len(names),
        "kept": int(np.count_nonzero(kept)),
        "sessions": len(ratings.sessions),
        "screening": found.screening.rule,
        "threshold": found.screening.threshold,
        "statistic": {name: None if value != value else value for name, value in statistic.items()},  # noqa: PLR0124
        "sd_zbar": float(defined.std(ddof=1)),
        "mean_correlation": _mean_of_defined(agreement),
        "undefined_log_share": float(np.mean(defined <= -1)),
        "distributions": {
            "raw": describe(raw),
            "identity": describe(fit_map(zbar, "identity").mos(zbar)),
            transform: describe(table.mos),
        },
    }


def _mean_of_defined(values: Floats) -> float | None:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if defined.size else None


def describe(scores: Floats) -> dict[str, float]:
    """Mean, skewness (m3 / m2^1.5), share in [4, 5] and Kolmogorov-Smirnov distance to the uniform law on [0, 5]."""
    values = np.sort(scores[np.isfinite(scores)])
    deviation = values - values.mean()
    spread = float(np.mean(deviation**2))
    steps = np.arange(values.size + 1) / values.size
    distance = np.maximum(steps[1:] - values / TOP, values / TOP - steps[:-1])
    return {
        "mean": float(values.mean()),
        "skew": float(np.mean(deviation**3)) / spread**1.5 if spread > 0 else 0.0,
        "share_4_to_5": float(np.mean(values >= 4)),
        "ks_uniform": float(distance.max()),
    }


def _warnings(found: Standardised, table: OpinionTable) -> tuple[str, ...]:
    subjects, rejected = len(found.ratings.subjects), len(found.rejected)
    kept = subjects - rejected
    warnings = [problem.message for problem in found.ratings.report.warnings]
    if kept < FEW_SUBJECTS:
        warnings.append(f"only {kept} subjects: ITU-R BT.500 asks for at least {FEW_SUBJECTS}")
    if rejected > MANY_REJECTED * subjects:
        warnings.append(
            f"{rejected} of {subjects} subjects are rejected: {found.screening.rule!r} is harsh on noisy ratings"
        )
    for count, what in (
        (int(np.count_nonzero(table.n == 0)), "no rating left and no MOS"),
        (int(np.count_nonzero(table.n == 1)), "one rating only: no std and no interval"),
        (int(np.count_nonzero((table.n > 0) & np.isnan(table.mos))), "no MOS: log(zbar + 1) is undefined"),
    ):
        if count:
            warnings.append(f"{count} image{'s have' if count > 1 else ' has'} {what}")
    return tuple(warnings)


__all__ = ["RULES", "SESSION_MEANS", "OpinionScores", "Standardised", "mean_opinion_scores", "standardise"]
