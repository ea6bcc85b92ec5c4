"""Fine-tuning: it learns from real pictures, a killed run loses nothing, and only what should move moves."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image, ImageFilter  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from scoring.baselines.cnniqa import CnniqaNetwork  # noqa: E402
from scoring.baselines.dbcnn import DbcnnNetwork  # noqa: E402
from scoring.baselines.finetune import aggregate, fine_tune  # noqa: E402
from scoring.baselines.images import InvalidImages, Unreadable  # noqa: E402
from scoring.baselines.job import AnotherRun  # noqa: E402
from scoring.baselines.recipe import Recipe  # noqa: E402
from scoring.baselines.registry import find_metric, read_metrics  # noqa: E402
from scoring.baselines.run import run_chunk  # noqa: E402
from scoring.baselines.samples import Sample, cached_features, random_crop, read_samples, wholes  # noqa: E402
from scoring.baselines.weights import accept  # noqa: E402
from tests.baselines.torch_fixtures import add_clip_models, randomise  # noqa: E402
from tests.baselines.unstated import unstated  # noqa: E402

FAST = {"epochs": 3, "batch": 8, "micro_batch": 8, "learning_rate": 1e-3, "crop": 48}
DBCNN = {"options": {"width": 1 / 16}}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random published weights of the three, recorded in the manifest."""
    import open_clip

    folder = tmp_path_factory.mktemp("weights")
    add_clip_models(folder)
    torch.manual_seed(0)
    networks = {
        "cnniqa": {"params": CnniqaNetwork().state_dict()},
        "dbcnn": {"params": randomise(DbcnnNetwork(1 / 16), scale=1.4).state_dict()},
        "clipiqa": randomise(open_clip.create_model("tiny-resnet", pretrained=None), scale=2).state_dict(),
    }
    with unstated(*networks):
        for name, content in networks.items():
            path = folder / find_metric(name).weights[0].file
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(content, path)
            accept(find_metric(name), folder)
        yield folder


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """(train, validation): 16 and 8 pictures of 64 x 80 or so, blurred; the more, the lower the MOS."""
    data = pytest.importorskip("skimage.data")
    folder = tmp_path_factory.mktemp("images")
    rows = []
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        picture = Image.fromarray(getattr(data, name)()[..., :3]).resize((80, 64))
        for radius in (0, 0.5, 1, 2, 3, 5):
            picture.filter(ImageFilter.GaussianBlur(radius)).save(folder / f"{name}-{radius}.png")
            rows.append(f"{name}-{radius}.png,{5 - radius}")
    (folder / "key.csv").write_text("name,mos\n" + "\n".join(rows) + "\n")
    found = read_samples(folder, folder / "key.csv")
    return [s for i, s in enumerate(found) if i % 3], found[::3]


def run(name, samples, weights, out, **changes):
    recipe = Recipe(name, **{**FAST, **changes})
    return fine_tune(recipe, *samples, out, weights=weights, device="cpu")


def test_the_loss_falls_and_the_best_epoch_is_kept(samples, weights, tmp_path):
    result = run("cnniqa", samples, weights, tmp_path / "out", epochs=12)
    losses = [epoch["loss"] for epoch in result["history"]]
    assert losses[-1] < losses[0] / 2
    sroccs = [epoch["srocc"] for epoch in result["history"]]
    assert result["best_epoch"] == sroccs.index(max(sroccs))
    assert result["validation"]["srocc"] == max(sroccs)


class Killed(Exception):
    pass


@pytest.mark.parametrize("changes", [{}, {"mixed": True, "batch": 16}], ids=["float32", "mixed"])
def test_a_killed_run_that_goes_on_ends_with_the_same_bits(changes, samples, weights, tmp_path):
    whole = run("cnniqa", samples, weights, tmp_path / "whole", **changes)

    def kill(done, total):
        if done == 2:
            raise Killed

    recipe = Recipe("cnniqa", **{**FAST, **changes})
    with pytest.raises(Killed):
        fine_tune(recipe, *samples, tmp_path / "killed", weights=weights, device="cpu", progress=kill)
    torch.rand(7)  # another state of the generator than after two epochs
    resumed = fine_tune(recipe, *samples, tmp_path / "killed", weights=weights, device="cpu")
    assert resumed == whole
    for name in ("best.safetensors", "result.json", "run.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert fine_tune(recipe, *samples, tmp_path / "killed", weights=weights, device="cpu") == whole  # nothing to do


def test_micro_batches_add_up_to_the_batch(samples, weights, tmp_path):
    trained = []
    for size in (16, 5):
        out = tmp_path / str(size)
        run("dbcnn", samples, weights, out, epochs=1, batch=16, micro_batch=size, scope="all", **DBCNN)
        trained.append(load_file(out / "best.safetensors"))
    assert trained[0].keys() == trained[1].keys()
    assert all(torch.allclose(trained[0][name], trained[1][name], atol=1e-4) for name in trained[0])


def test_the_last_layer_learns_from_features_that_are_worked_out_once(samples, weights, tmp_path, monkeypatch):
    result = run("dbcnn", samples, weights, tmp_path / "repeat-0", scope="head", **DBCNN)
    assert set(load_file(tmp_path / "repeat-0" / "best.safetensors")) == {"fc.weight", "fc.bias"}
    assert result["history"][-1]["loss"] < result["history"][0]["loss"]
    assert len(list(tmp_path.glob("features-*.npy"))) == 2

    def fail(*_):
        raise AssertionError("features were there already")

    monkeypatch.setattr(DbcnnNetwork, "features", fail)
    run("dbcnn", samples, weights, tmp_path / "repeat-1", scope="head", seed=1, **DBCNN)


def test_two_repeats_may_work_out_the_same_features_at_once(samples, tmp_path):
    class Means:
        """Means of the channels; whoever is at its second image is overtaken by another."""

        def __init__(self, images_before_another):
            self.left = images_before_another

        def features(self, images):
            self.left -= 1
            if self.left == 0:
                cached_features(path, samples[1], Means(-1), torch.device("cpu"))
            return images.mean(dim=(2, 3))

    path = tmp_path / "features.npy"
    found = cached_features(path, samples[1], Means(2), torch.device("cpu"))
    expected = torch.stack([image.mean(dim=(1, 2)) for image in wholes(samples[1])])
    assert torch.allclose(found, expected)
    assert [one.name for one in tmp_path.iterdir()] == ["features.npy"]


@pytest.mark.parametrize(
    ("scope", "moved"), [("prompt", {"context"}), ("visual", {"clip.visual"}), ("all", {"clip.visual", "clip.other"})]
)
def test_clipiqa_trains_what_its_scope_says(scope, moved, samples, weights, tmp_path):
    path = weights / find_metric("clipiqa").weights[0].file
    out = tmp_path / "out"
    run("clipiqa", samples, weights, out, scope=scope, epochs=1, options={"model": "tiny-resnet"})
    before = torch.load(path)
    changed = set()
    for name, tensor in load_file(out / "best.safetensors").items():
        if name == "context":
            changed.add("context")
        elif not torch.equal(tensor, before[name.removeprefix("clip.")]):
            changed.add("clip.visual" if name.startswith("clip.visual") else "clip.other")
    assert changed == moved


def test_a_fine_tuned_metric_runs_like_any_other(samples, weights, tmp_path):
    out = tmp_path / "out"
    run("dbcnn", samples, weights, out, scope="head", **DBCNN)
    metrics = read_metrics(out / "metric.toml")
    info = find_metric("dbcnn+finetune.0", metrics)
    assert find_metric("dbcnn+finetune", metrics) == info
    rows = run_chunk(info, [sample.image for sample in samples[1]], device="cpu", weights=weights)
    assert {row.status for row in rows} == {"scored"}
    from scoring import srocc

    found = srocc([row.score for row in rows], [sample.mos for sample in samples[1]])
    expected = json.loads((out / "result.json").read_text())["validation"]["srocc"]
    assert found == pytest.approx(expected)
    (out / "best.safetensors").write_bytes(b"other")
    from scoring.baselines.metric import MetricUnavailable

    with pytest.raises(MetricUnavailable, match=r"best\.safetensors: wrong"):
        run_chunk(info, [samples[1][0].image], device="cuda", weights=weights)


def test_ten_repeats_have_a_mean_and_a_deviation(samples, weights, tmp_path):
    folders = [tmp_path / f"repeat-{seed}" for seed in range(10)]
    for seed, folder in enumerate(folders):
        run("dbcnn", samples, weights, folder, scope="head", seed=seed, epochs=1, **DBCNN)
    summary = aggregate(folders)
    values = [json.loads((folder / "result.json").read_text())["validation"]["krocc"] for folder in folders]
    assert summary["repeats"] == 10
    assert summary["krocc"]["mean"] == pytest.approx(np.mean(values))
    assert summary["krocc"]["sd"] == pytest.approx(np.std(values, ddof=1))
    (folders[3] / "result.json").unlink()
    with pytest.raises(ValueError, match="repeat-3: the repeat is not finished"):
        aggregate(folders)
    with pytest.raises(ValueError, match="differ in more than their seed"):
        aggregate([folders[0], folders[0]])


def test_another_recipe_or_other_data_in_a_folder_is_refused(samples, weights, tmp_path):
    run("dbcnn", samples, weights, tmp_path / "out", scope="head", epochs=1, **DBCNN)
    with pytest.raises(AnotherRun, match="epochs differ"):
        run("dbcnn", samples, weights, tmp_path / "out", scope="head", epochs=2, **DBCNN)
    other = [Sample(samples[0][0].image, 1.5), *samples[0][1:]], samples[1]
    with pytest.raises(AnotherRun, match="train differ"):
        run("dbcnn", other, weights, tmp_path / "out", scope="head", epochs=1, **DBCNN)


def test_faults_of_recipes_and_data_are_named(samples, weights, tmp_path):
    with pytest.raises(ValueError, match="niqe cannot be fine-tuned; known are cnniqa, clipiqa, dbcnn"):
        Recipe("niqe")
    with pytest.raises(ValueError, match="must be above 0"):
        Recipe("cnniqa", batch=0)
    with pytest.raises(ValueError, match="scope 'head'; known are cnniqa: all;"):
        run("cnniqa", samples, weights, tmp_path / "a", scope="head")
    folder = samples[0][0].image.path.parent
    (tmp_path / "key.csv").write_text("name,mos\nabsent.png,3\n")
    with pytest.raises(InvalidImages, match=r"1 images of .* are missing: absent\.png"):
        read_samples(folder, tmp_path / "key.csv")
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"x")
    from scoring.baselines.images import ImageFile

    with pytest.raises(Unreadable):
        run("cnniqa", ([*samples[0], Sample(ImageFile("torn", torn), 1.0)], samples[1]), weights, tmp_path / "b")


def test_crops_are_squares_of_the_image_mirrored_half_of_the_time(pictures):
    image = pictures["coffee"]
    crops = [random_crop(image[:32, :32], 32, np.random.default_rng(seed)) for seed in range(40)]
    assert 10 < sum(np.array_equal(crop, image[:32, :32]) for crop in crops) < 30
    assert all(np.array_equal(np.sort(crop, axis=1), np.sort(image[:32, :32], axis=1)) for crop in crops)
    assert random_crop(image, 32, np.random.default_rng(0)).shape == (32, 32, 3)
    assert random_crop(image[:20, :50], 32, np.random.default_rng(0)).shape == (32, 32, 3)  # enlarged first


def test_the_command_trains_all_repeats_or_one_and_says_what_came_out(samples, weights, tmp_path, capsys):
    from scoring.cli import main

    folder = samples[0][0].image.path.parent
    for name, part in zip(("train", "validation"), samples, strict=True):
        rows = (f"{sample.image.name},{sample.mos}\n" for sample in part)
        (tmp_path / f"{name}.csv").write_text("name,mos\n" + "".join(rows))
    arguments = ["baselines", "finetune", "--metric", "cnniqa", "--images", str(folder), "--repeats", "2"]
    arguments += ["--train", str(tmp_path / "train.csv"), "--validation", str(tmp_path / "validation.csv")]
    arguments += ["--weights", str(weights), "--device", "cpu", "--epochs", "1", "--crop", "32"]
    assert main([*arguments, "--out", str(tmp_path / "one"), "--only", "1"]) == 0
    assert "1 repeats, validation" in capsys.readouterr().out
    assert main([*arguments, "--out", str(tmp_path / "all"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "all" / "summary.json").read_text())
    best = "repeat-1/best.safetensors"
    assert (tmp_path / "one" / best).read_bytes() == (tmp_path / "all" / best).read_bytes()
    (tmp_path / "train.csv").write_text("name,mos\nx,y\n")
    assert main([*arguments, "--out", str(tmp_path / "all")]) == 1
    assert "train.csv:2" in capsys.readouterr().out
