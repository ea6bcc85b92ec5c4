"""CNNIQA: Kang, Ye, Li and Doermann, "Convolutional Neural Networks for No-Reference Image Quality Assessment", 2014.

One convolution of 50 kernels of 7 x 7, the maximum and the minimum of each over the image, three linear layers. As in
IQA-PyTorch, whose weights it takes, it sees the whole RGB image instead of normalised gray patches.
"""

from __future__ import annotations

import torch
from torch import nn

from scoring.baselines.metric import Setting
from scoring.baselines.torch_support import TorchMetric, load_into, read_state


class CnniqaNetwork(nn.Module):
    """(n, 3, height, width) in [0, 1] to (n, 1)."""

    def __init__(self, kernels: int = 50, hidden: int = 800) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, kernels, 7)
        self.fc1 = nn.Linear(2 * kernels, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 1)
        self.dropout = nn.Dropout()

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 2 kernels): the largest and the smallest response of each kernel."""
        responses = self.conv1(images).flatten(2)
        return torch.cat([responses.amax(dim=2), responses.amin(dim=2)], dim=1)

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """(n, 1)."""
        hidden = self.dropout(torch.relu(self.fc1(features)))
        score: torch.Tensor = self.fc3(torch.relu(self.fc2(hidden)))
        return score

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 1)."""
        return self.head(self.features(images))


class Cnniqa(TorchMetric):
    """The metric."""

    def __init__(self, setting: Setting) -> None:
        network = CnniqaNetwork()
        load_into(network, read_state(setting.files[0], "params"), setting.files[0])
        super().__init__(network, setting)
