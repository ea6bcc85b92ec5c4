"""The trained parameters of BRISQUE and NIQE from LIVE, UT Austin (licence and origin: NOTICE.md beside this file)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@cache
def parameters() -> dict[str, NDArray[np.float64]]:
    """brisque_{sv (774, 36), coef (774,), gamma, rho, lo (36,), hi (36,)}, niqe_{mu (36,), cov (36, 36)}."""
    with np.load(Path(__file__).with_name("nss_models.npz")) as arrays:
        return {name: arrays[name].astype(np.float64) for name in arrays.files}
