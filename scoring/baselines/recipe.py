"""What is fine-tuned and how; importing this needs no torch, so that a form can check a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The first is the default. The paper does not say what its "clipiqa+finetune" trains.
SCOPES = {"cnniqa": ("all",), "clipiqa": ("visual", "prompt", "all"), "dbcnn": ("all", "head")}


def check_scope(metric: str, scope: str) -> None:
    """Raises ValueError for what SCOPES does not list."""
    if scope not in SCOPES.get(metric, ()):
        known = "; ".join(f"{name}: {', '.join(scopes)}" for name, scopes in SCOPES.items())
        raise ValueError(f"{metric} cannot be fine-tuned with scope {scope!r}; known are {known}")


@dataclass(frozen=True)
class Recipe:
    """What is trained and how. scope "": the metric's default. mixed: bfloat16 where autocast allows it.

    batch images make one step; micro_batch of them are in memory at once. mos_range: what is scaled to [0, 1].
    """

    metric: str
    scope: str = ""
    seed: int = 0
    epochs: int = 100
    batch: int = 128
    micro_batch: int = 16
    learning_rate: float = 1e-5
    crop: int = 224
    mixed: bool = False
    mos_range: tuple[float, float] = (0.0, 5.0)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.metric not in SCOPES:
            raise ValueError(f"{self.metric} cannot be fine-tuned; known are {', '.join(SCOPES)}")
        object.__setattr__(self, "scope", self.scope or SCOPES[self.metric][0])
        check_scope(self.metric, self.scope)
        if min(self.epochs, self.batch, self.micro_batch, self.crop) < 1 or not self.learning_rate > 0:
            raise ValueError("epochs, batch, micro_batch, crop and learning_rate must be above 0")
        if not self.mos_range[0] < self.mos_range[1]:
            raise ValueError(f"mos_range {self.mos_range} is empty")
