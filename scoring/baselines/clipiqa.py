"""CLIP-IQA: Wang, Chan and Loy, "Exploring CLIP for Assessing the Look and Feel of Images", AAAI 2023.

CLIP's ResNet-50 without positional embedding, so that it sees an image at its own size, against pairs of opposite
prompts; the score is the softmax share of the better one. The five pairs are those that IQA-PyTorch averages. For
fine-tuning, prompts can be learned instead (`learned=True`): 16 context vectors before "Good photo." and "Bad photo.",
as CoOp (Zhou et al. 2022) and the paper's CLIP-IQA+ do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from scoring.baselines.clip_tower import load_clip, tokenizer
from scoring.baselines.metric import Setting
from scoring.baselines.torch_support import CLIP_MEAN, CLIP_STD, TorchMetric, normaliser

MODEL = "RN50-quickgelu"
PAIRS = (
    ("Good image", "bad image"),
    ("Sharp image", "blurry image"),
    ("sharp edges", "blurry edges"),
    ("High resolution image", "low resolution image"),
    ("Noise-free image", "noisy image"),
)
CONTEXT = 16


class ClipIqaNetwork(nn.Module):
    """(n, 3, height, width) in [0, 1] to (n, 1) in [0, 1]. clip: a ResNet CLIP of open_clip."""

    def __init__(self, clip: Any, model: str = MODEL, learned: bool = False) -> None:
        super().__init__()
        self.clip = clip
        mean, std = normaliser(CLIP_MEAN, CLIP_STD)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        words = tokenizer(model)
        texts = [text for pair in PAIRS for text in pair]
        if learned:
            texts = [" ".join(["X"] * CONTEXT) + f" {text}" for text in ("Good photo.", "Bad photo.")]
        self.register_buffer("tokens", words(texts), persistent=False)
        self.context: nn.Parameter | None = None
        if learned:
            embedded = clip.token_embedding(self.tokens)[:, 1 : 1 + CONTEXT]
            self.context = nn.Parameter(embedded.detach().clone())
        self._texts: torch.Tensor | None = None

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """(n, width): unit vectors of the images."""
        tower = self.clip.visual
        x = tower.stem((images - self.mean) / self.std)
        for stage in (tower.layer1, tower.layer2, tower.layer3, tower.layer4):
            x = stage(x)
        return functional.normalize(_pool(tower.attnpool, x), dim=1)

    def texts(self) -> torch.Tensor:
        """(2 pairs, width): unit vectors of the prompts, better and worse in turn."""
        clip = self.clip
        x = clip.token_embedding(self.tokens)
        if self.context is not None:
            x = torch.cat([x[:, :1], self.context, x[:, 1 + CONTEXT :]], dim=1)
        x = clip.transformer(x + clip.positional_embedding, attn_mask=clip.attn_mask)
        # The end token has the largest number.
        ends = clip.ln_final(x)[torch.arange(x.shape[0], device=x.device), self.tokens.argmax(dim=1)]
        return functional.normalize(ends @ clip.text_projection, dim=1)

    def keep_texts(self) -> None:
        """Work the prompts out once, for a network that will not change any more."""
        with torch.no_grad():
            self._texts = self.texts()

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """(n, 1)."""
        texts = self.texts() if self._texts is None else self._texts
        logits = self.clip.logit_scale.exp() * features @ texts.T
        shares = logits.view(len(features), -1, 2).softmax(dim=2)
        return shares[:, :, 0].mean(dim=1, keepdim=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 1)."""
        return self.head(self.features(images))


class ClipIqa(TorchMetric):
    """The metric. Option: model, open_clip's name."""

    batch_size = 8

    def __init__(self, setting: Setting) -> None:
        model = setting.options.get("model", MODEL)
        super().__init__(ClipIqaNetwork(load_clip(model, setting.files[0]), model), setting)
        self.network.keep_texts()


def _pool(attention: Any, x: torch.Tensor) -> torch.Tensor:
    """CLIP's attention pooling without its positional embedding: (n, channels, height, width) to (n, width)."""
    places = x.flatten(2).transpose(1, 2)
    places = torch.cat([places.mean(dim=1, keepdim=True), places], dim=1)
    query, key, value = (
        project(part).unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
        for project, part in (
            (attention.q_proj, places[:, :1]),
            (attention.k_proj, places),
            (attention.v_proj, places),
        )
    )
    pooled = functional.scaled_dot_product_attention(query, key, value)
    result: torch.Tensor = attention.c_proj(pooled.transpose(1, 2).flatten(2))[:, 0]
    return result
