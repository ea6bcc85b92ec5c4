"""The three networks that can be fine-tuned, what of each is trained, and the metric that a fine-tuned one is.

A fine-tuned network is the published weights with those tensors replaced that were trained: only these are kept
(safetensors), 65,537 numbers for DBCNN's last layer, 16,384 for CLIP-IQA's prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scoring.baselines.clip_tower import load_clip
from scoring.baselines.clipiqa import MODEL, ClipIqaNetwork
from scoring.baselines.cnniqa import CnniqaNetwork
from scoring.baselines.dbcnn import DbcnnNetwork
from scoring.baselines.metric import MetricUnavailable, Setting
from scoring.baselines.recipe import check_scope
from scoring.baselines.torch_support import TorchMetric, load_into, read_state

# Scopes that leave `features` as it is, so that it is worked out once per image.
FROZEN_FEATURES = {("clipiqa", "prompt"), ("dbcnn", "head")}


def published_network(metric: str, scope: str, path: Path, options: Mapping[str, Any]) -> Any:
    """The network with its published weights, in evaluation mode. Raises MetricUnavailable, ValueError."""
    check_scope(metric, scope)
    if metric == "clipiqa":
        model = options.get("model", MODEL)
        network: nn.Module = ClipIqaNetwork(load_clip(model, path), model, learned=scope == "prompt")
    else:
        network = CnniqaNetwork() if metric == "cnniqa" else DbcnnNetwork(options.get("width", 1.0))
        load_into(network, read_state(path, "params"), path)
    return network.eval().requires_grad_(False)


def choose_trained(network: nn.Module, metric: str, scope: str) -> dict[str, nn.Parameter]:
    """{name: parameter} of what is trained, which is then the only part with gradients."""
    prefix = {("clipiqa", "prompt"): "context", ("clipiqa", "visual"): "clip.visual.", ("dbcnn", "head"): "fc."}.get(
        (metric, scope), ""
    )
    trained = {name: value for name, value in network.named_parameters() if name.startswith(prefix)}
    for value in trained.values():
        value.requires_grad_(True)
    if (metric, scope) == ("clipiqa", "visual"):
        network.keep_texts()
    return trained


class FineTuned(TorchMetric):
    """The metric. Options: metric, scope, and those of the network; files: published weights, trained tensors."""

    batch_size = 8

    def __init__(self, setting: Setting) -> None:
        options = setting.options
        published, trained = setting.files
        network = published_network(options["metric"], options["scope"], published, options)
        tensors = read_state(trained)
        unknown = set(tensors) - set(network.state_dict())
        if unknown or not tensors:
            raise MetricUnavailable(f"{trained}: not tensors of {options['metric']}: {', '.join(sorted(unknown)[:3])}")
        network.load_state_dict(tensors, strict=False)
        super().__init__(network, setting)
        if options["metric"] == "clipiqa":
            with torch.inference_mode():
                self.network.keep_texts()
