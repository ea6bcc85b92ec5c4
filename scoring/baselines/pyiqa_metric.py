"""Metrics that pyiqa knows by name, behind our interface.

pyiqa is a plugin: it is under the PolyForm Noncommercial licence, nothing of it is copied, and everything else works
without it. It reads pickles without restriction and downloads what it misses, so both are held back while it builds a
metric: only the files that the registry lists, and `weights.require` has checked, are read, and nothing is fetched.
"""

from __future__ import annotations

import contextlib
import io
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from scoring.baselines.metric import MetricUnavailable, Setting
from scoring.baselines.torch_support import TorchMetric, choose_device, make_torchvision_importable
from scoring.baselines.weights import use_folder


class PyiqaMetric(TorchMetric):
    """One of pyiqa's no-reference metrics. Options: pyiqa (its name there), settings (what its network is made with).

    forget: caches of pyiqa that are not keyed by weights (LIQE's text features) and are therefore made anew.
    """

    def __init__(self, setting: Setting) -> None:
        use_folder(setting.weights)
        for name in setting.options.get("forget", ()):
            (setting.weights / "hub" / "pyiqa" / name).unlink(missing_ok=True)
        super().__init__(build(setting), setting)


def build(setting: Setting) -> torch.nn.Module:
    """pyiqa's network for the metric, with weights. Raises MetricUnavailable."""
    name = setting.options["pyiqa"]
    pyiqa = _import()
    describe(name)
    try:
        with _only(setting.files), _quiet():
            metric = pyiqa.create_metric(name, device=choose_device("cpu"), **setting.options.get("settings", {}))
    except MetricUnavailable:
        raise
    except Exception as error:
        raise MetricUnavailable(f"pyiqa cannot make {name}: {type(error).__name__}: {error}") from error
    network: torch.nn.Module = metric.net
    return network


def describe(name: str) -> tuple[bool, str]:
    """(lower is better, range) by pyiqa's own table. Raises MetricUnavailable for one that needs reference images."""
    _import()
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    if name not in DEFAULT_CONFIGS:
        raise MetricUnavailable(f"pyiqa has no metric {name!r}")
    entry = DEFAULT_CONFIGS[name]
    if entry.get("metric_mode") != "NR":
        raise MetricUnavailable(f"{name} compares with reference images: it cannot score an image alone")
    return bool(entry.get("lower_better", False)), str(entry.get("score_range", ""))


def _import() -> Any:
    make_torchvision_importable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its dependencies' deprecations
            import pyiqa
    except ImportError as error:
        raise MetricUnavailable(f"this metric needs pyiqa ({error}): see docs/baselines.md") from None
    return pyiqa


@contextlib.contextmanager
def _only(files: Sequence[Path]) -> Iterator[None]:
    """While this holds, torch.load reads these files (or those below these folders) only, and nothing is downloaded."""
    import pyiqa.utils.download_util as downloads

    allowed = [path.resolve() for path in files]
    read = torch.load

    def load(source: Any, *arguments: Any, **options: Any) -> Any:
        path = Path(getattr(source, "name", source)).resolve()
        if not any(path == one or one in path.parents for one in allowed):
            raise MetricUnavailable(f"{path.name} is not among the metric's weights in the registry: it was not read")
        return read(source, *arguments, **options)

    def refuse(url: Any, *_: Any, **__: Any) -> Any:
        raise MetricUnavailable(f"{getattr(url, 'full_url', url)} is needed: list it among the metric's weights")

    places: list[tuple[Any, str, Callable[..., Any]]] = [
        (torch, "load", load),
        (torch.hub, "download_url_to_file", refuse),
        (downloads, "download_url_to_file", refuse),
        (urllib.request, "urlopen", refuse),
    ]
    before = [getattr(module, name) for module, name, _ in places]
    for module, name, replacement in places:
        setattr(module, name, replacement)
    try:
        yield
    finally:
        for (module, name, _), original in zip(places, before, strict=True):
            setattr(module, name, original)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """pyiqa prints what it loads, into what may be JSON; its dependencies warn of their own deprecations."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
