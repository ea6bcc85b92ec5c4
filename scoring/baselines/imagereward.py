"""ImageReward: Xu et al., "ImageReward: Learning and Evaluating Human Preferences for Text-to-Image Generation", 2023.

BLIP's image encoder (ViT-L/16) read by BLIP's text encoder through cross-attention, and five linear layers on the first
token. Built from transformers' BLIP classes; `renamed` maps the published checkpoint to them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scoring.baselines.clip_tower import clip_pixels, crop_centre
from scoring.baselines.metric import RGB, Setting
from scoring.baselines.torch_support import choose_device, load_into, pace, read_state

TOKENS = 35
_MEAN, _STD = 0.16717362830052426, 1.0333394966054072  # of the rewards on the authors' validation set
_VISION = (
    (r"^cls_token", "embeddings.class_embedding"),
    (r"^pos_embed", "embeddings.position_embedding"),
    (r"^patch_embed\.proj", "embeddings.patch_embedding"),
    (r"^blocks\.(\d+)\.norm([12])", r"encoder.layers.\1.layer_norm\2"),
    (r"^blocks\.(\d+)\.attn\.qkv", r"encoder.layers.\1.self_attn.qkv"),
    (r"^blocks\.(\d+)\.attn\.proj", r"encoder.layers.\1.self_attn.projection"),
    (r"^blocks\.(\d+)\.mlp", r"encoder.layers.\1.mlp"),
    (r"^norm\.", "post_layernorm."),
)


class ImageRewardNetwork(nn.Module):
    """Pixels (n, 3, side, side), tokens and mask (n, tokens) to rewards (n,)."""

    def __init__(self, vision: Mapping[str, Any] | None = None, text: Mapping[str, Any] | None = None) -> None:
        """vision, text: settings that differ from the published network's, for tests."""
        from transformers import BlipTextConfig, BlipTextModel, BlipVisionConfig, BlipVisionModel

        super().__init__()
        large = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
        large |= {"image_size": 224, "patch_size": 16}
        vision_config = BlipVisionConfig(**(large | dict(vision or {})), layer_norm_eps=1e-6, hidden_act="gelu")
        base = {"vocab_size": 30524, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
        base |= {"num_attention_heads": 12, "encoder_hidden_size": vision_config.hidden_size}
        # A decoder in name only: that is what gives it cross-attention. It is called without a causal mask.
        text_config = BlipTextConfig(**(base | dict(text or {})), is_decoder=True, max_position_embeddings=512)
        self.vision = BlipVisionModel(vision_config)
        self.text = BlipTextModel(text_config, add_pooling_layer=False)
        sizes = (text_config.hidden_size, 1024, 128, 64, 16, 1)
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(itertools.pairwise(sizes)):
            layers.append(nn.Linear(before, after))
            if number < 3:  # without effect when scoring, but the checkpoint's keys count them
                layers.append(nn.Dropout(0.1 if number == 2 else 0.2))
        self.mlp = nn.ModuleDict({"layers": nn.Sequential(*layers)})

    def forward(self, pixels: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n,)."""
        seen = self.vision(pixel_values=pixels).last_hidden_state
        everywhere = torch.ones(seen.shape[:2], dtype=torch.long, device=seen.device)
        read = self.text(
            input_ids=tokens,
            attention_mask=mask,
            encoder_hidden_states=seen,
            encoder_attention_mask=everywhere,
            is_decoder=False,
            return_dict=True,
        ).last_hidden_state
        reward: torch.Tensor = (self.mlp["layers"](read[:, 0]).squeeze(1) - _MEAN) / _STD
        return reward


class ImageReward:
    """The metric. Option: settings, {vision, text} of a smaller network."""

    one_size = True

    def __init__(self, setting: Setting) -> None:
        self.device = choose_device(setting.device)
        self.batch_size, self.parallel = pace(self.device, 32, on_cpu=8)
        checkpoint, vocabulary = setting.files
        network = ImageRewardNetwork(**setting.options.get("settings", {}))
        load_into(network, renamed(read_state(checkpoint)), checkpoint)
        self.network = network.to(self.device).eval()
        self._side = network.vision.config.image_size
        self._tokens = _word_pieces(vocabulary)

    def prepare(self, image: RGB, prompt: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Pixels, tokens and mask."""
        encoded = self._tokens.encode(prompt)
        return (
            clip_pixels(crop_centre(image, self._side)),
            torch.tensor(encoded.ids),
            torch.tensor(encoded.attention_mask),
        )

    def score(self, prepared: Sequence[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> list[float]:
        """Rewards."""
        columns = [torch.stack(column).to(self.device) for column in zip(*prepared, strict=True)]
        with torch.inference_mode():
            rewards: list[float] = self.network(*columns).tolist()
        return rewards


def renamed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The published checkpoint's tensors by the names they have in ImageRewardNetwork; others are left out."""
    out = {}
    for key, value in state.items():
        if key.startswith("blip.visual_encoder."):
            name = key.removeprefix("blip.visual_encoder.")
            for pattern, replacement in _VISION:
                name = re.sub(pattern, replacement, name)
            out[f"vision.{name}"] = value
        elif key.startswith("blip.text_encoder.") and "position_ids" not in key:
            out[f"text.{key.removeprefix('blip.text_encoder.')}"] = value
        elif key.startswith("mlp."):
            out[key] = value
    return out


def _word_pieces(vocabulary: Path) -> Any:
    """BERT's uncased tokenizer, to TOKENS tokens with padding."""
    from tokenizers.implementations import BertWordPieceTokenizer

    tokens = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    tokens.enable_truncation(TOKENS)
    tokens.enable_padding(length=TOKENS, pad_id=tokens.token_to_id("[PAD]"))
    return tokens
