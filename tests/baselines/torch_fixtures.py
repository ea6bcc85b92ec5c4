"""Weights folders with small random networks in the formats that the published ones have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scoring.baselines.metric import Setting

TINY_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}
TINY_VIT = {"image_size": 224, "layers": 2, "width": 32, "head_width": 8, "patch_size": 32}
TINY_RESNET = {"image_size": 224, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64, "patch_size": None}


def add_clip_models(folder: Path) -> None:
    """Two tiny models that open_clip then knows: tiny-vit and tiny-resnet."""
    from scoring.baselines.clip_tower import _open_clip

    for name, vision in (("tiny-vit", TINY_VIT), ("tiny-resnet", TINY_RESNET)):
        config = {"embed_dim": 32, "quick_gelu": True, "vision_cfg": vision, "text_cfg": TINY_TEXT}
        (folder / f"{name}.json").write_text(json.dumps(config))
    _open_clip().add_model_config(folder)


def randomise(network: Any, seed: int = 0, scale: float = 1.0) -> Any:
    """Every tensor redrawn, so that nothing hides behind zeros and ones of an initialisation."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point() and tensor.dim() > 0:
                fan = max(1, tensor[0].numel()) if tensor.dim() > 1 else 10
                draw = torch.randn(tensor.shape, generator=generator) * scale / fan**0.5
                tensor.copy_(draw.abs() + 0.5 if name.endswith("running_var") else draw)
    return network.eval()


def setting(folder: Path, *files: Path, **options: Any) -> Setting:
    return Setting(folder, "cpu", options, files)


@pytest.fixture
def own_caches(monkeypatch):
    """What `use_folder` changes is as it was after the test."""
    for name in ("TORCH_HOME", "HF_HOME", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "/nonexistent" if name != "HF_HUB_OFFLINE" else "1")
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "/nonexistent")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
