"""Evidence that prediction files of different teams have one origin: figures for people to judge, never a verdict.

Three kinds, over the entries of all teams on the same images in the same order; no MOS is needed:

1. *Shared files*: equal values in equal order (`normalised_hash`), however the files were written.
2. *Close pairs*: two rankings that are nearer to each other than their skill explains. Honest entries agree because
   both follow the images' quality: with one common factor and independent errors, the correlation of two entries is
   the product of their loadings (Spearman, 1904). The loading of an entry is estimated from triads of other teams,
   l_i^2 = median of r_ij r_ik / r_jk (the median keeps a few copies from moving it). What counts is the *distance*
   (1 - r_ij) / (1 - l_i l_j): 1 for independent errors, 0 for a copy, also one that was rescaled by a monotone map.
   Teams that share a backbone come to 0.2 to 0.7.
3. *Linear blends*: an entry that two or three entries of other teams reproduce by least squares, with positive weights,
   up to a tiny share of its variance, where fewer do not. Tiny is at most a hundredth, and little beside 1 - l^2, the
   share that an honest entry of that skill has to itself.

None of it tells who copied from whom, and one person's legitimate public baseline makes two honest teams close.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.correlations import centred, dense_codes, is_constant, twice_mid_ranks

Floats = NDArray[np.float64]

CLOSE_CORRELATION = 0.97  # |SRoCC| of a close pair, at least
CLOSE_DISTANCE = 0.15  # its distance, at most: below what honest teams with one backbone show
BLEND_UNEXPLAINED = 0.01  # share of the variance of a blend that its sources leave, at most
FEWEST_TEAMS = 4  # fewer have no triads of three other teams to tell what skill explains
FEWEST_IMAGES = 30  # below this the correlations of honest entries scatter too much
SIGNIFICANT_DIGITS = 6
_SMALLEST_WEIGHT = 0.05  # of a source of a blend, in standard deviations of the target
_WEAKEST_TRIAD = 0.1  # |r_jk| below which the quotient of a triad is noise
_ALIKE = 0.9999  # |r| of two sources that cannot be told apart
_BEAM = 10  # pairs of sources that are extended by a third one


@dataclass(frozen=True, eq=False)
class Entry:
    """One file: `team`, an identifier that is unique among all entries, and its values of shape (images,)."""

    team: str
    name: str
    values: Floats


@dataclass(frozen=True)
class SharedFile:
    """Entries of two or more teams with the same values."""

    digest: str
    entries: tuple[str, ...]


@dataclass(frozen=True)
class ClosePair:
    """Two entries of different teams: their SRoCC, the one their skill explains, the distance (see the module)."""

    first: str
    second: str
    srocc: float
    expected: float
    distance: float


@dataclass(frozen=True)
class Blend:
    """`target` = sum of `weights` times `sources`, all in standard deviations, up to the share `unexplained` of its
    variance."""

    target: str
    sources: tuple[str, ...]
    weights: tuple[float, ...]
    unexplained: float


@dataclass(frozen=True)
class Evidence:
    """What `find` found, strongest first. `notes` say what could not be looked at, and why."""

    entries: int
    teams: int
    shared: tuple[SharedFile, ...]
    pairs: tuple[ClosePair, ...]
    blends: tuple[Blend, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form."""
        return {
            "entries": self.entries,
            "teams": self.teams,
            "shared": [{"digest": one.digest, "entries": list(one.entries)} for one in self.shared],
            "pairs": [vars(one) for one in self.pairs],
            "blends": [
                {**vars(one), "sources": list(one.sources), "weights": list(one.weights)} for one in self.blends
            ],
            "notes": list(self.notes),
        }


def normalised_hash(values: Floats) -> str:
    """SHA-256 of the values, of shape (images,), to six significant digits: equal for the same predictions, whatever
    the file's line ends, order of rows, zip, or digits beyond the sixth."""
    text = "\n".join(f"{value + 0.0:.{SIGNIFICANT_DIGITS - 1}e}" for value in values.tolist())
    return sha256(text.encode()).hexdigest()


def find(entries: Sequence[Entry]) -> Evidence:
    """The evidence in `entries`, at most a few hundred; their values are aligned and finite.

    Entries of one team are never compared with each other. Constant entries say nothing and are left out. Raises
    ValueError for values of unequal shapes or not finite, and for a name that occurs twice.
    """
    _check(entries)
    telling = [entry for entry in entries if not is_constant(entry.values)]
    notes = []
    if left := len(entries) - len(telling):
        notes.append(f"Constant files say nothing and were left out: {left}.")
    shared = _shared(telling)
    # One of each set of equal files stands for all of them: each is evidence already, and so are its relations.
    copies = {name for one in shared for name in one.entries[1:]}
    distinct = [entry for entry in telling if entry.name not in copies]
    teams = len({entry.team for entry in distinct})
    images = distinct[0].values.size if distinct else 0
    if teams < FEWEST_TEAMS or images < FEWEST_IMAGES:
        notes.append(
            f"Only equal files were looked for: more takes {FEWEST_TEAMS} teams and {FEWEST_IMAGES} images, "
            f"and there are {teams} and {images}."
        )
        return Evidence(len(entries), len({e.team for e in entries}), shared, (), (), tuple(notes))
    pairs, near = _close_pairs(distinct)
    blends = _blends(distinct, near)
    return Evidence(len(entries), len({e.team for e in entries}), shared, pairs, blends, tuple(notes))


def _check(entries: Sequence[Entry]) -> None:
    if len({entry.name for entry in entries}) != len(entries):
        raise ValueError("each entry needs a name of its own")
    if len({entry.values.shape for entry in entries}) > 1 or any(entry.values.ndim != 1 for entry in entries):
        raise ValueError("all entries need values of the same images, in the same order")
    if not all(np.isfinite(entry.values).all() for entry in entries):
        raise ValueError("values must be finite: found nan or infinity")


def _shared(entries: Sequence[Entry]) -> tuple[SharedFile, ...]:
    by_digest: dict[str, list[Entry]] = {}
    for entry in entries:
        by_digest.setdefault(normalised_hash(entry.values), []).append(entry)
    groups = [
        SharedFile(digest, tuple(entry.name for entry in same))
        for digest, same in by_digest.items()
        if len({entry.team for entry in same}) > 1
    ]
    return tuple(sorted(groups, key=lambda group: (-len(group.entries), group.entries)))


def _correlations(columns: Sequence[Floats]) -> Floats:
    """Pearson's r of each pair of columns, shape (entries, entries)."""
    unit = []
    for column in columns:
        deviations = centred(np.asarray(column, dtype=np.float64))
        unit.append(deviations / np.sqrt(np.sum(deviations * deviations)))
    matrix = np.array(unit)
    result: Floats = np.clip(matrix @ matrix.T, -1.0, 1.0)
    return result


def _other_teams(entries: Sequence[Entry]) -> NDArray[np.bool_]:
    """Whether two entries are of different teams, shape (entries, entries)."""
    teams = np.array([entry.team for entry in entries])
    result: NDArray[np.bool_] = teams[:, None] != teams[None, :]
    return result


def loadings(correlations: Floats, others: NDArray[np.bool_]) -> Floats:
    """How much of each entry is the quality that all follow: l of shape (entries,), in [0, 1].

    From `correlations`, absolute values of shape (entries, entries), by medians over triads whose three entries are of
    different teams, as `others` says; 0 where there is no such triad.
    """
    found = np.zeros(len(correlations))
    usable = others & (correlations > _WEAKEST_TRIAD)
    for i, row in enumerate(correlations):
        mine = np.flatnonzero(others[i])
        j, k = np.triu_indices(len(mine), 1)
        j, k = mine[j], mine[k]
        keep = usable[j, k]
        if keep.any():
            found[i] = np.sqrt(np.clip(np.median(row[j[keep]] * row[k[keep]] / correlations[j[keep], k[keep]]), 0, 1))
    return found


def _close_pairs(entries: Sequence[Entry]) -> tuple[tuple[ClosePair, ...], NDArray[np.bool_]]:
    """The pairs, nearest first, and which entries are so close, shape (entries, entries)."""
    ranks = [twice_mid_ranks(dense_codes(entry.values)).astype(np.float64) for entry in entries]
    signed = _correlations(ranks)
    size = np.abs(signed)  # a copy that was turned round is a copy
    others = _other_teams(entries)
    loading = loadings(size, others)
    expected = loading[:, None] * loading[None, :]
    distance = (1 - size) / np.maximum(1 - expected, 1e-9)
    near = others & (size >= CLOSE_CORRELATION) & (distance <= CLOSE_DISTANCE)
    pairs = [
        ClosePair(
            entries[i].name,
            entries[j].name,
            float(signed[i, j]),
            float(expected[i, j]),
            float(distance[i, j]),
        )
        for i, j in zip(*np.nonzero(np.triu(near)), strict=True)
    ]
    return tuple(sorted(pairs, key=lambda pair: (pair.distance, pair.first, pair.second))), near


def _blends(entries: Sequence[Entry], near: NDArray[np.bool_]) -> tuple[Blend, ...]:
    """Each target's best combination of two sources, or of three where two do not suffice; best first."""
    r = _correlations([entry.values for entry in entries])
    others = _other_teams(entries)
    own_share = 1 - loadings(np.abs(r), others) ** 2
    found = []
    for target in range(len(entries)):
        sources = np.flatnonzero(others[target] & ~near[target] & (r[target] ** 2 < 1 - BLEND_UNEXPLAINED))
        tiny = min(BLEND_UNEXPLAINED, CLOSE_DISTANCE * float(own_share[target]))
        if len(sources) >= 2 and (best := _best_blend(r, target, sources, tiny)):
            chosen, weights, unexplained = best
            names = tuple(entries[source].name for source in chosen)
            found.append(Blend(entries[target].name, names, weights, unexplained))
    return tuple(sorted(found, key=lambda blend: (blend.unexplained, blend.target)))


Combination = tuple[tuple[int, ...], tuple[float, ...], float]


def _best_blend(r: Floats, target: int, sources: NDArray[np.int64], tiny: float) -> Combination | None:
    a, b = (sources[index] for index in np.triu_indices(len(sources), 1))
    apart = np.abs(r[a, b]) < _ALIKE
    a, b = a[apart], b[apart]
    if not len(a):
        return None
    ya, yb, ab = r[target, a], r[target, b], r[a, b]
    unexplained = 1 - (ya**2 + yb**2 - 2 * ya * yb * ab) / (1 - ab**2)
    order = np.argsort(unexplained, kind="stable")[:_BEAM]
    two = _fitting(r, target, tiny, [(int(a[index]), int(b[index])) for index in order])
    if two:
        return two
    starts = [{int(a[index]), int(b[index])} for index in order]
    threes = {tuple(sorted({*start, int(c)})) for start, c in itertools.product(starts, sources) if int(c) not in start}
    return _fitting(r, target, tiny, sorted(threes))


def _fitting(r: Floats, target: int, tiny: float, choices: Sequence[tuple[int, ...]]) -> Combination | None:
    """The choice with the smallest residual, if that is at most `tiny` and every source has a weight that is seen."""
    best: Combination | None = None
    for chosen in choices:
        index = list(chosen)
        gram = r[np.ix_(index, index)]
        if np.linalg.det(gram) < 1e-8:
            continue
        weights = np.linalg.solve(gram, r[index, target])
        unexplained = max(0.0, float(1 - weights @ r[index, target]))
        is_blend = unexplained <= tiny and weights.min() >= _SMALLEST_WEIGHT
        if is_blend and (best is None or unexplained < best[2]):
            best = chosen, tuple(float(weight) for weight in weights), unexplained
    return best
