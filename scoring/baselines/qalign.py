"""Q-Align (Wu et al., ICML 2024) by pyiqa's network, with scores in float32.

The network answers in float16, a grid of 0.002 on a scale of 1 to 5, which ties among thousands of images; the mean
over its five levels is therefore taken from the logits again, in float32. Two small methods that transformers dropped
after version 4 are given back to the model. Verified on a tiny random model; not on the 16 GB of real weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from scoring.baselines.metric import Setting
from scoring.baselines.pyiqa_metric import build
from scoring.baselines.torch_support import TorchMetric
from scoring.baselines.weights import use_folder

LEVELS = (5.0, 4.0, 3.0, 2.0, 1.0)  # excellent, good, fair, poor, bad: the order of the logits


class QAlign(TorchMetric):
    """The metric. Option: task, "quality" (default) or "aesthetic"."""

    batch_size = 1  # what pyiqa's preprocessing takes

    def __init__(self, setting: Setting) -> None:
        use_folder(setting.weights)
        _give_back()
        self._task = setting.options.get("task", "quality")
        whole = Setting(setting.weights, setting.device, {"pyiqa": "qalign"}, setting.files)
        super().__init__(build(whole), setting)

    def score(self, prepared: Sequence[torch.Tensor]) -> list[float]:
        """One value per image, 1 to 5."""
        with torch.inference_mode():
            return [self._one(image) for image in prepared]

    def _one(self, image: torch.Tensor) -> float:
        pixels = self.network.preprocess(image.to(self.device)[None].float() / 255)
        answer = self.network.model.score(images=None, image_tensor=pixels, task_=self._task, return_dict=True)
        shares = torch.softmax(answer["logits"].float().flatten(), dim=0)
        return float(shares @ torch.tensor(LEVELS, device=shares.device))


def _give_back() -> None:
    """Methods of PreTrainedModel that Q-Align's model calls and transformers 5 no longer has."""
    from transformers import PreTrainedModel

    def invert_attention_mask(self: PreTrainedModel, mask: torch.Tensor) -> torch.Tensor:
        wide = mask[:, None, :, :] if mask.dim() == 3 else mask[:, None, None, :]
        return (1 - wide.to(self.dtype)) * torch.finfo(self.dtype).min

    def get_head_mask(self: PreTrainedModel, mask: object, layers: int, chunked: bool = False) -> list[None]:
        return [None] * layers

    for method in (invert_attention_mask, get_head_mask):
        if not hasattr(PreTrainedModel, method.__name__):
            setattr(PreTrainedModel, method.__name__, method)
