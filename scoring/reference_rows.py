"""Trivial predictions that every metric should beat, to be printed beside the metrics.

Knowing only which generator made an image predicts the released AIGIQA-20K MOS (train, n = 14,000) with SRoCC 0.722,
KRoCC 0.542 and PLCC 0.712: a metric below that explains less than the model's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scoring.inputs import as_answer_key


def group_mean_predictions(key: Any, column: str | Sequence[str], *, leave_one_out: bool = False) -> dict[str, float]:
    """{name: mean MOS of the images with the same label}, in the order of the key.

    key: anything `scoring.evaluate` takes. column: a subset column of it, or n labels in its order. Images without a
    label, or alone with theirs, get the mean of all. Raises InvalidAnswerKey, ValueError for an unknown column.

    leave_one_out: whether an image's own MOS is left out of the mean. Off by default, although an image then sees
    1/size of its own MOS, because leaving it out does worse: the mean of the others is the larger the smaller one's own
    MOS is, so within each group the predictions fall strictly with the MOS. On AIGIQA-20K this artefact takes SRoCC
    from 0.722 to 0.665 and KRoCC from 0.542 to 0.437, and eq. 4 turns it round and lifts PLCC to 0.749. The unbiased
    measure, means from other images of the same generators, agrees with the default to 0.004 in SRoCC for groups of 100
    or more; with 20 to a group the default is too high by 0.013, with 5 by 0.05.
    """
    answers = as_answer_key(key)
    if isinstance(column, str):
        if column not in answers.subsets:
            raise ValueError(f"the answer key has no column {column!r}")
        labels: Sequence[str] = answers.subsets[column]
    else:
        labels = [str(label) for label in column]
    if len(labels) != len(answers.names):
        raise ValueError(f"{len(labels)} labels for {len(answers.names)} images")
    # Sums run in ascending order of name: the order of rows cannot change a bit.
    order = answers.order
    groups, code = np.unique(np.array(labels, dtype=np.str_), return_inverse=True)
    sums = np.bincount(code[order], answers.mos[order], groups.size).astype(np.float64)[code]
    counts = np.bincount(code, minlength=groups.size).astype(np.float64)[code]
    alone = (counts < 2) | (groups[code] == "")
    sums[alone], counts[alone] = answers.mos[order].sum(), len(labels)
    if leave_one_out:
        sums, counts = sums - answers.mos, counts - 1
    means = np.divide(sums, counts, out=np.full(sums.shape, answers.mos.mean()), where=counts > 0)
    return dict(zip(answers.names, means.tolist(), strict=True))
