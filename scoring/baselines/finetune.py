"""Fine-tuning CNNIQA, CLIP-IQA and DBCNN on MOS as the paper does: Adam 1e-5, batch 128, 100 epochs, ten repeats.

What the paper leaves open, and what is done: the loss is the mean squared error on MOS scaled to [0, 1]; crops are 224
pixels, mirrored at random; the epoch with the best validation SRoCC is kept (the first of equals); batch normalisation
keeps its published statistics, so that results do not depend on the micro-batch. Repeats differ in their seed alone.

    OUT/run.json              recipe, digests of data and weights, versions: another run in the folder is refused
    OUT/state.pt              after every epoch: weights, optimizer, history; a killed run goes on from there
    OUT/best.safetensors      the trained tensors of the best epoch
    OUT/result.json           best epoch, its validation metrics, the history
    OUT/metric.toml           the fine-tuned metric, for `baselines run --metrics OUT/metric.toml`

Contract: with one device and one set of versions, a run that was killed and went on ends with the same bits as one that
was not. An epoch is the unit: what was done of an unfinished one is done again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from scoring.baselines.files import write_whole
from scoring.baselines.finetuned import FROZEN_FEATURES, choose_trained, published_network
from scoring.baselines.job import claim
from scoring.baselines.recipe import Recipe
from scoring.baselines.registry import find_metric
from scoring.baselines.samples import Sample, cached_features, crops, digest, order_of, record, wholes
from scoring.baselines.torch_support import choose_device
from scoring.baselines.weights import require, sha256_of

METRICS = ("srocc", "krocc", "plcc")
VERSIONS = ("torch", "torchvision", "open-clip-torch", "numpy", "pillow")


@dataclass
class _State:
    """What an epoch leaves to the next."""

    epoch: int = 0
    history: list[dict[str, float | None]] = field(default_factory=list)
    best_epoch: int = 0
    best_srocc: float = -math.inf
    best: dict[str, torch.Tensor] = field(default_factory=dict)


def fine_tune(
    recipe: Recipe,
    train: Sequence[Sample],
    validation: Sequence[Sample],
    out: Path,
    *,
    weights: Path,
    device: str = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Run one repeat in a folder, or go on with it; returns what result.json holds.

    progress(epochs done, epochs) is called after each, once its state is written: what it raises ends the run there,
    and the same call goes on with it. Features of a frozen network are kept beside the folder, for all repeats.
    Raises AnotherRun, MetricUnavailable, Unreadable, ValueError.
    """
    if len(train) < 2 or len(validation) < 2:
        raise ValueError("at least two images are needed to train and two to validate")
    out.mkdir(parents=True, exist_ok=True)
    info = find_metric(recipe.metric)
    claim(out, _description(recipe, train, validation, require(info, weights)))
    place = choose_device(device)
    published = info.weights[0].locate(weights)
    network = published_network(recipe.metric, recipe.scope, published, recipe.options).to(place)
    trained = choose_trained(network, recipe.metric, recipe.scope)
    optimizer = torch.optim.Adam(trained.values(), lr=recipe.learning_rate)
    state = _read_state(out / "state.pt", trained, optimizer)

    def kept_as(samples: Sequence[Sample]) -> Path:
        what = json.dumps([recipe.metric, recipe.scope, dict(recipe.options), sha256_of(published), digest(samples)])
        return out.parent / f"features-{hashlib.sha256(what.encode()).hexdigest()[:16]}.npy"

    data = _data(recipe, train, validation, network=network, device=place, kept_as=kept_as)
    while state.epoch < recipe.epochs:
        loss = _epoch(recipe, state.epoch, network, optimizer=optimizer, train=train, data=data)
        metrics = _validate(data, validation)
        state.history.append({"loss": loss, **metrics})
        srocc = metrics["srocc"]
        if not state.best or (srocc is not None and srocc > state.best_srocc):
            state.best_srocc = -math.inf if srocc is None else srocc
            state.best_epoch = state.epoch
            state.best = {name: value.detach().cpu().clone() for name, value in trained.items()}
        state.epoch += 1
        _write_state(out / "state.pt", state, trained, optimizer)
        progress(state.epoch, recipe.epochs)
    return _finish(recipe, state, out, published)


def aggregate(folders: Sequence[Path]) -> dict[str, Any]:
    """Mean and standard deviation (divisor n - 1) of each validation metric over repeats.

    Raises ValueError when a repeat is unfinished, or differs from the others in more than its seed.
    """
    if not folders:
        raise ValueError("there are no repeats")
    runs, results = [], []
    for folder in folders:
        if not (folder / "result.json").exists():
            raise ValueError(f"{folder}: the repeat is not finished")
        runs.append(json.loads((folder / "run.json").read_bytes()))
        results.append(json.loads((folder / "result.json").read_bytes()))
    seeds = [run.pop("seed") for run in runs]
    if any(run != runs[0] for run in runs) or len(set(seeds)) < len(seeds):
        raise ValueError("the repeats differ in more than their seed, or two have the same")
    summary: dict[str, Any] = {
        "metric": runs[0]["metric"],
        "scope": runs[0]["scope"],
        "repeats": len(runs),
        "seeds": seeds,
    }
    for name in METRICS:
        values = [result["validation"][name] for result in results]
        if None in values:
            summary[name] = {"mean": None, "sd": None}
            continue
        mean = math.fsum(values) / len(values)
        spread = math.fsum((value - mean) ** 2 for value in values)
        summary[name] = {"mean": mean, "sd": math.sqrt(spread / (len(values) - 1)) if len(values) > 1 else None}
    return summary


@dataclass(frozen=True)
class _Data:
    """What `apply` is given: batches(places, epoch) in micro-batches; validation() one image at a time."""

    batches: Callable[[Sequence[int], int], Iterator[torch.Tensor]]
    validation: Callable[[], Iterator[torch.Tensor]]
    apply: Callable[[torch.Tensor], torch.Tensor]


def _data(
    recipe: Recipe,
    train: Sequence[Sample],
    validation: Sequence[Sample],
    *,
    network: Any,
    device: torch.device,
    kept_as: Callable[[Sequence[Sample]], Path],
) -> _Data:
    size = recipe.micro_batch
    if (recipe.metric, recipe.scope) in FROZEN_FEATURES:
        kept = [cached_features(kept_as(samples), samples, network, device) for samples in (train, validation)]

        def feature_batches(places: Sequence[int], epoch: int) -> Iterator[torch.Tensor]:
            del epoch  # a whole image looks the same in each
            for start in range(0, len(places), size):
                yield kept[0][list(places[start : start + size])].to(device)

        return _Data(feature_batches, lambda: (row[None].to(device) for row in kept[1]), network.head)

    def crop_batches(places: Sequence[int], epoch: int) -> Iterator[torch.Tensor]:
        group: list[torch.Tensor] = []
        for crop in crops(train, places, recipe.crop, recipe.seed, epoch):
            group.append(crop)
            if len(group) == size:
                yield torch.stack(group).to(device)
                group = []
        if group:
            yield torch.stack(group).to(device)

    return _Data(crop_batches, lambda: (image[None].to(device) for image in wholes(validation)), network)


def _epoch(recipe: Recipe, epoch: int, network: Any, *, optimizer: Any, train: Sequence[Sample], data: _Data) -> float:
    """One pass over the training images; returns the mean loss."""
    torch.manual_seed(1_000_003 * recipe.seed + epoch)  # dropout: that of this epoch, whatever came before
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    low, high = recipe.mos_range
    order = order_of(len(train), recipe.seed, epoch)
    total = 0.0
    for start in range(0, len(order), recipe.batch):
        places = order[start : start + recipe.batch]
        targets = torch.tensor([(train[place].mos - low) / (high - low) for place in places])
        optimizer.zero_grad()
        done = 0
        for inputs in data.batches(places, epoch):
            wanted = targets[done : done + len(inputs), None].to(inputs.device)
            with torch.autocast(inputs.device.type, torch.bfloat16, enabled=recipe.mixed):
                given = data.apply(inputs)
            loss = ((given.float() - wanted) ** 2).sum() / len(places)  # micro-batches add up to the batch's mean
            loss.backward()
            total += float(loss.detach()) * len(places)
            done += len(inputs)
        optimizer.step()
    network.eval()
    return total / len(order)


def _validate(data: _Data, samples: Sequence[Sample]) -> dict[str, float | None]:
    """SRoCC, KRoCC and PLCC of the validation images, each None where it is undefined."""
    from scoring.evaluation import evaluate

    with torch.inference_mode():
        scores = [float(data.apply(inputs).float()) for inputs in data.validation()]
    if not all(map(math.isfinite, scores)):
        return dict.fromkeys(METRICS)
    names = [str(number) for number in range(len(samples))]
    answers = dict(zip(names, (sample.mos for sample in samples), strict=True))
    result = evaluate(dict(zip(names, scores, strict=True)), answers, bootstrap=0).to_dict()
    return {name: result[name] for name in METRICS}


def _finish(recipe: Recipe, state: _State, out: Path, published: Path) -> dict[str, Any]:
    from safetensors.torch import save

    write_whole(out / "best.safetensors", save({name: value.contiguous() for name, value in state.best.items()}))
    best = state.history[state.best_epoch]
    result = {
        "best_epoch": state.best_epoch,
        "validation": {name: best[name] for name in METRICS},
        "history": state.history,
    }
    record(out / "result.json", result)
    write_whole(out / "metric.toml", _registry_entry(recipe, out, published).encode())
    return result


def _registry_entry(recipe: Recipe, out: Path, published: Path) -> str:
    """The fine-tuned metric as registry.py reads it. JSON's strings and arrays of them are TOML's as well."""
    base = find_metric(recipe.metric)
    name = f"{recipe.metric}+finetune.{recipe.seed}"
    files = [(published, sha256_of(published)), (out / "best.safetensors", sha256_of(out / "best.safetensors"))]
    fields = {
        "title": f"{base.title}, fine-tuned ({recipe.scope}, seed {recipe.seed})",
        "paper": f"{base.paper}+finetune",
        "source": base.source,
        "group": base.group,
        "range": "that of the MOS, scaled to 0 to 1",
        "preprocessing": base.preprocessing,
        "licence": base.licence,
        "code": "scoring.baselines.finetuned:FineTuned",
    }
    lines = [f'["{name}"]', *(f"{field} = {json.dumps(value)}" for field, value in fields.items())]
    lines += [f"min_side = {base.min_side}", f'["{name}".options]']
    options = {"metric": recipe.metric, "scope": recipe.scope, **recipe.options}
    lines += [f"{option} = {json.dumps(value)}" for option, value in options.items()]
    for path, digest_of_file in files:
        lines += [f'[["{name}".weights]]', f"file = {json.dumps(str(path.resolve()))}", f'sha256 = "{digest_of_file}"']
    return "\n".join(lines) + "\n"


def _description(
    recipe: Recipe, train: Sequence[Sample], validation: Sequence[Sample], weights: dict[str, str]
) -> dict[str, Any]:
    return {
        **asdict(recipe),
        "mos_range": list(recipe.mos_range),
        "train": {"images": len(train), "sha256": digest(train)},
        "validation": {"images": len(validation), "sha256": digest(validation)},
        "weights": weights,
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
    }


def _read_state(path: Path, trained: Mapping[str, Any], optimizer: Any) -> _State:
    if not path.exists():
        return _State()
    kept = torch.load(path, map_location="cpu", weights_only=True)
    with torch.no_grad():
        for name, value in kept.pop("trained").items():
            trained[name].copy_(value)
    optimizer.load_state_dict(kept.pop("optimizer"))
    return _State(**kept)


def _write_state(path: Path, state: _State, trained: Mapping[str, Any], optimizer: Any) -> None:
    tensors = {name: value.detach().cpu() for name, value in trained.items()}
    stream = io.BytesIO()
    torch.save({**vars(state), "trained": tensors, "optimizer": optimizer.state_dict()}, stream)
    write_whole(path, stream.getvalue())
