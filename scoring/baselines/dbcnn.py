"""DBCNN: Zhang, Ma, Yan, Deng and Wang, "Blind Image Quality Assessment Using a Deep Bilinear CNN", IEEE TCSVT 2020.

Two towers, VGG-16 (trained on ImageNet, for authentic distortions) and S-CNN (trained on synthetic ones), joined by
bilinear pooling, then one linear layer. Weights: those of IQA-PyTorch, which hold both towers.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from scoring.baselines.metric import Setting
from scoring.baselines.torch_support import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    TorchMetric,
    load_into,
    normaliser,
    read_state,
)

# Output channels of each 3 x 3 convolution; "M" halves the size.
_VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)
_SCNN = ((48, 1), (48, 2), (64, 1), (64, 2), (64, 1), (64, 2), (128, 1), (128, 1), (128, 2))  # channels, stride


class DbcnnNetwork(nn.Module):
    """(n, 3, height, width) in [0, 1] to (n, 1). width: share of the channels, 1 but for tests."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.features1 = _vgg(width)
        self.features2 = _scnn(width)
        self.fc = nn.Linear(int(512 * width) * int(128 * width), 1)
        mean, std = normaliser(IMAGENET_MEAN, IMAGENET_STD)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Bilinear features, (n, 512 x 128), signed square root and unit length as in the paper."""
        images = (images - self.mean) / self.std
        authentic, synthetic = self.features1(images), self.features2(images)
        if authentic.shape[2:] != synthetic.shape[2:]:  # sides that are no multiples of 16
            synthetic = functional.interpolate(synthetic, authentic.shape[2:], mode="bilinear", align_corners=True)
        places = authentic.shape[2] * authentic.shape[3]
        pooled = torch.einsum("nap,nbp->nab", authentic.flatten(2), synthetic.flatten(2)) / places
        # Both towers end in a ReLU: nothing is negative, and the signed root is the root.
        return functional.normalize(torch.sqrt(pooled.flatten(1) + 1e-8))

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """(n, 1)."""
        score: torch.Tensor = self.fc(features)
        return score

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 1)."""
        return self.head(self.features(images))


class Dbcnn(TorchMetric):
    """The metric. Option: width, of a network of fewer channels."""

    batch_size = 8

    def __init__(self, setting: Setting) -> None:
        network = DbcnnNetwork(setting.options.get("width", 1.0))
        load_into(network, read_state(setting.files[0], "params"), setting.files[0])
        super().__init__(network, setting)


def _vgg(width: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for step in _VGG16:
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(2))
        else:
            out = int(step * width)
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU(inplace=True)]
            channels = out
    return nn.Sequential(*layers)


def _scnn(width: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for size, stride in _SCNN:
        out = int(size * width)
        layers += [nn.Conv2d(channels, out, 3, stride, 1), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        channels = out
    return nn.Sequential(*layers)
