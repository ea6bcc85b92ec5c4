"""What a baseline metric is to the rest: prepared images in, raw scores out.

Contract: `prepare` handles one image and may run in any thread, several at once; `score` handles a batch and runs in
`parallel` threads at most. Scores are float32 or better, whatever precision the network runs in: coarser ones tie, and
ties lower KRoCC. A metric gives its own raw value; which direction is better is said in the registry and applied there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]


class Undefined(ValueError):
    """The metric has no value for this image; the message says why."""


class MetricUnavailable(RuntimeError):
    """The metric cannot run here: a package or a weight file is missing or wrong; the message says what to do."""


@dataclass(frozen=True)
class Setting:
    """What a metric is made with: the weights folder, the device, its options in the registry, and its own weights.

    files: paths in the order of the registry; the folder with the files where an entry there is a repository.
    """

    weights: Path
    device: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


class Metric(Protocol):
    """One loaded metric.

    batch_size: how many images to give `score` at once. one_size: whether prepared images of any size can share a
    batch (True), or only those of images of the same size (False). parallel: how many batches may be scored at once.
    """

    batch_size: int
    one_size: bool
    parallel: int

    def prepare(self, image: RGB, prompt: str) -> Any:
        """What `score` needs of one image (height, width, 3), uint8, and its prompt. Raises Undefined."""

    def score(self, prepared: Sequence[Any]) -> list[float]:
        """Raw values, one per prepared image, in order."""
