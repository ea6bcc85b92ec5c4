"""The cosine between an image and its prompt in CLIP's space: CLIPScore, and the three releases of HPS.

Hessel et al. 2021 scale it to 2.5 max(cos, 0); the cosine itself ranks the same where it is positive and ties nowhere.
HPS are CLIP models trained further on people's choices: Wu et al. 2023 (v1, ViT-L/14; v2 and v2.1, ViT-H/14).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from scoring.baselines.clip_tower import clip_pixels, crop_centre, load_clip, pad_to_square, tokenizer
from scoring.baselines.metric import RGB, Setting
from scoring.baselines.torch_support import choose_device, pace

FITS = {"crop": crop_centre, "pad": pad_to_square}


class ClipCosine:
    """The metric. Options: model (open_clip's name), fit ("crop" or "pad")."""

    one_size = True

    def __init__(self, setting: Setting) -> None:
        self.device = choose_device(setting.device)
        self.batch_size, self.parallel = pace(self.device, 32, on_cpu=8)
        self._fit = FITS[setting.options.get("fit", "crop")]
        self._tokens = tokenizer(setting.options["model"])
        self.network = load_clip(setting.options["model"], setting.files[0]).to(self.device).float().eval()

    def prepare(self, image: RGB, prompt: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels (3, 224, 224) and tokens (77,)."""
        return clip_pixels(self._fit(image)), self._tokens([prompt])[0]

    def score(self, prepared: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> list[float]:
        """Cosines."""
        pixels, tokens = (torch.stack(column).to(self.device) for column in zip(*prepared, strict=True))
        with torch.inference_mode():
            images = self.network.encode_image(pixels, normalize=True)
            texts = self.network.encode_text(tokens, normalize=True)
            cosines: list[float] = (images * texts).sum(dim=1).tolist()
        return cosines
