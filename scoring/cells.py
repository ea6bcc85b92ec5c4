"""One number per subject and image that met: a matrix with gaps, as three parallel vectors.

Contract: sums run over the cells in their order, so equal cells give equal bits. An image or subject without cells has
the mean nan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cells:
    """`subject`, `image`: places 0..subjects-1 and 0..images-1, int64 of shape (m,); `value`: float64 of shape (m,).

    Cells are in ascending order of image, then subject.
    """

    subject: Integers
    image: Integers
    value: Floats
    subjects: int
    images: int

    def with_values(self, value: Floats) -> Cells:
        """The same cells with other numbers in them."""
        return replace(self, value=value)

    def of(self, kept: Flags) -> Cells:
        """The cells of the subjects flagged in `kept`, shape (subjects,); places stay what they are."""
        rows = kept[self.subject]
        return Cells(self.subject[rows], self.image[rows], self.value[rows], self.subjects, self.images)

    def per_image(self, weight: Floats | None = None) -> Floats:
        """Number of cells (sum of the `weight` of their subjects, shape (subjects,)) of each image."""
        weights = None if weight is None else weight[self.subject]
        return _sums(self.image, weights, self.images)

    def image_sums(self, values: Floats | None = None) -> Floats:
        """Sum of `values` (default: the cells' own), shape (m,), over the cells of each image."""
        return _sums(self.image, self.value if values is None else values, self.images)

    def image_means(self, weight: Floats | None = None) -> Floats:
        """Mean of each image, every cell with the weight of its subject (default 1)."""
        values = self.value if weight is None else self.value * weight[self.subject]
        return _ratio(self.image_sums(values), self.per_image(weight))

    def per_subject(self) -> Floats:
        """Number of cells of each subject."""
        return _sums(self.subject, None, self.subjects)

    def subject_means(self) -> Floats:
        """Mean of each subject."""
        return _ratio(_sums(self.subject, self.value, self.subjects), self.per_subject())

    def subject_deviations(self, ddof: int) -> Floats:
        """Standard deviation of each subject's cells, divisor count - ddof; nan where that is not positive."""
        deviation = self.value - self.subject_means()[self.subject]
        squares = _sums(self.subject, deviation * deviation, self.subjects)
        return np.sqrt(_ratio(squares, self.per_subject() - ddof))

    def image_deviations(self, ddof: int) -> Floats:
        """Standard deviation of each image's cells, divisor count - ddof; nan where that is not positive."""
        deviation = self.value - self.image_means()[self.image]
        return np.sqrt(_ratio(self.image_sums(deviation * deviation), self.per_image() - ddof))

    def by_subject(self) -> Iterator[tuple[int, Integers]]:
        """(subject, its rows in the cells) for every subject in order, rows possibly none."""
        order = np.argsort(self.subject, kind="stable")
        ends = np.cumsum(np.bincount(self.subject, minlength=self.subjects))
        yield from enumerate(np.split(order, ends[:-1]))


def _sums(places: Integers, values: Floats | None, size: int) -> Floats:
    return np.bincount(places, values, size).astype(np.float64)  # counts come as integers


def _ratio(sums: Floats, counts: Floats) -> Floats:
    ratio: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return ratio
