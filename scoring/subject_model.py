"""Other ways from ratings to quality: bias removal, and maximum likelihood with each subject's bias and inconsistency.

The model is r_ij = psi_i + b_j + v_j e_ij with e standard normal: quality psi of the image, bias b and inconsistency v
of the subject. Noisy subjects get little weight instead of being rejected. Li, Bampis, Krasula, Janowski,
Katsavounidis (2020), A simple model for subject behavior in subjective experiments, arXiv 2004.02067, solved by their
alternating projection, as in ITU-R BT.500-15, ITU-T P.910 and P.913. `remove_bias` is its first step alone (P.913).

The likelihood has no upper bound where a subject's inconsistency goes to 0: with few subjects, or one that is much more
consistent than the rest, the fit can follow that subject alone. `warnings` then names it.

Contract: quality is on the scale of the ratings, not on [0, 5] of eq. 3; biases have mean 0. A repeated rating counts
as a rating of its own. The order of rows cannot change a bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scoring.cells import Cells
from scoring.problems import quoted
from scoring.ratings import SCALE, Ratings, Source, read_ratings

Floats = NDArray[np.float64]

EPSILON = 1e-8  # added to variances, so that a subject who is always right gets a large weight, not an infinite one
TOLERANCE = 1e-8  # Euclidean norm of the change of quality at which the iteration stops
MAX_ITERATIONS = 1000
_ALONE = 0.99  # share of all weight


@dataclass(frozen=True, eq=False)
class SubjectModel:
    """The fit. Per image, shape (images,): `quality`, `standard_error`. Per subject, shape (subjects,): `bias`,
    `inconsistency`. `images` and `subjects` are their names in ascending order.

    `standard_error` is the standard deviation of an image's residuals over sqrt(n), as in the demonstration of
    BT.500-15 (its "sos"). `warnings`: sentences, for a fit that did not converge or that follows one subject alone.
    """

    images: tuple[str, ...] = field(repr=False)
    subjects: tuple[str, ...]
    quality: Floats = field(repr=False)
    standard_error: Floats = field(repr=False)
    bias: Floats
    inconsistency: Floats
    iterations: int
    warnings: tuple[str, ...] = ()

    def as_mapping(self) -> dict[str, float]:
        """{image: quality}."""
        return dict(zip(self.images, self.quality.tolist(), strict=True))


def fit_subject_model(
    ratings: Source, *, scale: tuple[float, float] = SCALE, duplicates: str = "reject"
) -> SubjectModel:
    """Quality, bias and inconsistency by alternating projection. Raises InvalidRatings for what the table holds."""
    table = read_ratings(ratings, scale=scale, duplicates=duplicates)
    observed = _observations(table)
    quality = observed.image_means()
    bias = _biases(observed, quality)
    converged = False
    iterations = 0
    while not converged and iterations < MAX_ITERATIONS:
        iterations += 1
        residual = observed.with_values(observed.value - quality[observed.image] - bias[observed.subject])
        inconsistency = residual.subject_deviations(ddof=0)
        before = quality
        unbiased = observed.with_values(observed.value - bias[observed.subject])
        quality = unbiased.image_means(1 / (inconsistency**2 + EPSILON))
        bias = _biases(observed, quality)
        converged = bool(np.linalg.norm(quality - before) < TOLERANCE)
    standard_error = residual.image_deviations(ddof=0) / np.sqrt(residual.per_image())
    warnings = [] if converged else [f"not converged after {MAX_ITERATIONS} iterations"]
    weight = 1 / (inconsistency**2 + EPSILON)
    if len(table.subjects) > 1 and weight.max() > _ALONE * weight.sum():
        name = quoted(table.subjects[int(weight.argmax())], 40)
        warnings.append(f"the fit follows subject {name} alone, whose inconsistency went to 0")
    shift = float(bias.mean())
    return SubjectModel(
        images=table.images,
        subjects=table.subjects,
        quality=quality + shift,
        standard_error=standard_error,
        bias=bias - shift,
        inconsistency=inconsistency,
        iterations=iterations,
        warnings=tuple(warnings),
    )


def remove_bias(cells: Cells) -> tuple[Cells, Floats]:
    """(the ratings less the bias of their subject, the biases, shape (subjects,)); ITU-T P.913.

    The bias of a subject is the mean difference between its ratings and the mean ratings of the same images.
    """
    bias = _biases(cells, cells.image_means())
    return cells.with_values(cells.value - bias[cells.subject]), bias


def _observations(table: Ratings) -> Cells:
    """One cell per rating, repeated ones included."""
    return Cells(table.subject, table.image, table.rating, len(table.subjects), len(table.images))


def _biases(observed: Cells, quality: Floats) -> Floats:
    return observed.with_values(observed.value - quality[observed.image]).subject_means()
