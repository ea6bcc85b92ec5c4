"""PickScore: Kirstain et al., "Pick-a-Pic: An Open Dataset of User Preferences for Text-to-Image Generation", 2023.

A CLIP ViT-H/14 trained on people's choices between two images; the score is the cosine of image and prompt times the
model's scale (about 100). Its weights are a folder for transformers; tokens are CLIP's, from open_clip.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from scoring.baselines.clip_tower import clip_pixels, crop_centre, tokenizer
from scoring.baselines.metric import RGB, MetricUnavailable, Setting
from scoring.baselines.torch_support import choose_device, pace


class PickScore:
    """The metric."""

    one_size = True

    def __init__(self, setting: Setting) -> None:
        from transformers import CLIPModel

        self.device = choose_device(setting.device)
        self.batch_size, self.parallel = pace(self.device, 32, on_cpu=8)
        self._tokens = tokenizer("ViT-H-14")
        try:
            network = CLIPModel.from_pretrained(
                setting.files[0], local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
        except (OSError, ValueError) as error:
            raise MetricUnavailable(f"{setting.files[0]}: {str(error).splitlines()[0]}") from None
        self.network = network.to(self.device).eval()

    def prepare(self, image: RGB, prompt: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels (3, 224, 224) and tokens (77,)."""
        return clip_pixels(crop_centre(image)), self._tokens([prompt])[0]

    def score(self, prepared: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> list[float]:
        """Scaled cosines."""
        pixels, tokens = (torch.stack(column).to(self.device) for column in zip(*prepared, strict=True))
        with torch.inference_mode():
            vision = self.network.vision_model(pixel_values=pixels).pooler_output
            text = self.network.text_model(input_ids=tokens).pooler_output
            image, prompt = self.network.visual_projection(vision), self.network.text_projection(text)
            cosines = torch.nn.functional.cosine_similarity(image, prompt)
            scores: list[float] = (self.network.logit_scale.exp() * cosines).tolist()
        return scores
