"""pyiqa's metrics through our adapter: random weights, real networks, no download and no file that is not listed."""

import string
import warnings
from unittest import mock

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import scoring.baselines.torch_support  # noqa: E402, F401 (makes torchvision importable, which pyiqa imports)

pytest.importorskip("pyiqa")

from scoring.baselines import pyiqa_metric  # noqa: E402 (torch may be absent)
from scoring.baselines.metric import MetricUnavailable, Setting  # noqa: E402
from scoring.baselines.pyiqa_metric import PyiqaMetric, describe  # noqa: E402
from scoring.baselines.qalign import QAlign  # noqa: E402
from scoring.baselines.registry import InvalidRegistry, built_in, find_metric, read_metrics, resolved  # noqa: E402
from scoring.baselines.run import run_chunk  # noqa: E402
from scoring.baselines.weights import accept, use_folder  # noqa: E402
from tests.baselines.torch_fixtures import own_caches, randomise  # noqa: E402, F401
from tests.baselines.unstated import unstated  # noqa: E402

# What of a 512 x 288 image the metric does not look at; None: it looks at all of it.
UNSEEN = {
    "hyperiqa": (slice(256, None), slice(None)),  # with 4 crops, as here
    "liqe": (slice(None), slice(480, None)),
    "musiq": None,
    "topiq": None,
    "unique": None,
    "wadiqam": (slice(256, None), slice(None)),
}
OPTIONS = {"hyperiqa": {"settings": {"num_crop": 4}}}


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    """Networks keep the weights that they were made with; nothing is read."""
    import timm
    from pyiqa.archs import clip_model, liqe_arch

    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained=False, **more: create(name, **more))
    small = {"embed_dim": 512, "image_resolution": 224, "vision_layers": 1, "vision_width": 64, "vision_patch_size": 32}
    text = {"context_length": 77, "vocab_size": 49408, "transformer_width": 64, "transformer_heads": 4}
    monkeypatch.setattr(liqe_arch, "load", lambda *_: clip_model.CLIP(**small, **text, transformer_layers=1).eval())
    monkeypatch.setattr("pyiqa.utils.download_util.download_url_to_file", lambda *_, **__: None)
    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", lambda *_, **__: {})
    monkeypatch.setattr(pyiqa_metric, "_only", lambda files: mock.patch.object(torch, "load", return_value=AnyKey()))
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", lambda *_, **__: None)
    torch.manual_seed(0)


class AnyKey(dict):
    def __missing__(self, key):
        return {}


@pytest.fixture
def pair(pictures):
    return [pictures["astronaut"][:288, :512], pictures["astronaut"][200:488, :512]]


@pytest.mark.parametrize("name", UNSEEN)
def test_random_weights_give_a_score_that_no_batch_changes(name, pair, no_weights, own_caches, tmp_path):  # noqa: F811
    info = find_metric(name)
    metric = PyiqaMetric(Setting(tmp_path, "cpu", {**info.options, **OPTIONS.get(name, {})}))
    if UNSEEN[name] is None:
        pair = [image[:128, :224] for image in pair]  # any size shows as much, a small one sooner
    changed = pair[0].copy()
    region = UNSEEN[name] or (slice(-64, None), slice(-64, None))
    changed[region] = 255 - changed[region]
    prepared = [metric.prepare(image, "") for image in (*pair, changed)]
    first, second, third = metric.score(prepared)
    assert np.isfinite([first, second]).all()
    assert first != second
    assert metric.score(prepared[1:2]) == pytest.approx([second], abs=1e-4)
    assert (third == pytest.approx(first, abs=1e-7)) == (UNSEEN[name] is not None)


def test_registered_directions_and_ranges_are_those_of_pyiqa(own_caches):  # noqa: F811
    names = {info.options["pyiqa"]: info for info in built_in().values() if "pyiqa" in info.options}
    assert len(names) == 6
    for name, info in names.items():
        assert describe(name)[0] is info.lower_is_better
    for name in ("brisque", "niqe", "cnniqa", "dbcnn", "clipiqa", "qalign"):
        assert describe(name)[0] is built_in()[name].lower_is_better


def test_newer_metrics_need_a_name_only(tmp_path):
    path = tmp_path / "more.toml"
    path.write_text('[qualiclip]\npyiqa = "qualiclip"\n[distance]\npyiqa = "afine_nr"\n[compared]\npyiqa = "lpips"\n')
    metrics = read_metrics(path)
    assert resolved(metrics["qualiclip"]).oriented(0.7) == 0.7
    assert resolved(metrics["distance"]).oriented(0.7) == -0.7
    with pytest.raises(MetricUnavailable, match="compares with reference images"):
        resolved(metrics["compared"])
    with pytest.raises(ValueError, match="not known before it is loaded"):
        metrics["distance"].oriented(0.7)


def test_faults_of_a_file_of_metrics_are_listed(tmp_path):
    path = tmp_path / "more.toml"
    path.write_text('[Upper]\npyiqa = "x"\n[nothing]\n[odd]\npyiqa = "x"\ncolour = 1\n[[odd.weights]]\nurl = "u"\n')
    with pytest.raises(InvalidRegistry) as refused:
        read_metrics(path)
    assert [line.split("] ")[1][:20] for line in str(refused.value).splitlines()] == [
        "the name may hold a-",
        'needs pyiqa = "its n',
        "unknown field 'colou",
        "each of its weights ",
    ]
    path.write_text('[niqe]\npyiqa = "niqe"\n')
    with pytest.raises(InvalidRegistry, match="there is a metric niqe already"):
        read_metrics(path)
    path.write_text("not toml")
    with pytest.raises(InvalidRegistry, match="not TOML"):
        read_metrics(path)


@pytest.fixture
def unstated_wadiqam():
    with unstated("wadiqam"):
        yield


@pytest.mark.usefixtures("unstated_wadiqam")
def test_real_weight_files_are_verified_before_they_are_read(save, pictures, own_caches, tmp_path):  # noqa: F811
    """WaDIQaM from a file of random weights: refused until its digest is accepted, and again when it changes."""
    from pyiqa.archs.wadiqam_arch import WaDIQaM

    info = find_metric("wadiqam")
    weights = tmp_path / "weights"
    path = weights / info.weights[0].file
    path.parent.mkdir(parents=True)
    network = WaDIQaM(metric_type="NR", model_name="x", pretrained=False)
    torch.save({"params": randomise(network).state_dict()}, path)
    image = save("a.png", pictures["chelsea"][:128, :160])
    with pytest.raises(MetricUnavailable, match="unknown; compare it with its publisher's"):
        run_chunk("wadiqam", [image], device="cpu", weights=weights)
    accept(info, weights)
    (row,) = run_chunk("wadiqam", [image], device="cpu", weights=weights)
    assert row.status == "scored"
    pixels = torch.from_numpy(pictures["chelsea"][:128, :160].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        assert row.raw == pytest.approx(network(pixels).item(), abs=1e-5)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(MetricUnavailable, match="wrong; it is not the published file"):
        run_chunk("wadiqam", [image], device="cpu", weights=tmp_path / "weights" / ".." / "weights")


def test_files_that_are_not_listed_are_neither_read_nor_fetched(own_caches, tmp_path):  # noqa: F811
    settings = {"pyiqa": "wadiqam_nr"}
    with pytest.raises(MetricUnavailable, match=r"WaDIQaM-NR-koniq-aaffea29\.pth is needed: list it"):
        PyiqaMetric(Setting(tmp_path, "cpu", settings))
    cached = tmp_path / "hub" / "pyiqa" / "WaDIQaM-NR-koniq-aaffea29.pth"
    cached.write_bytes(b"whatever")
    with pytest.raises(MetricUnavailable, match="not among the metric's weights in the registry"):
        PyiqaMetric(Setting(tmp_path, "cpu", settings))


def test_cached_text_features_of_liqe_are_made_anew(no_weights, own_caches, tmp_path):  # noqa: F811
    cache = tmp_path / "hub" / "pyiqa" / "liqe_text_feat.pt"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"of other weights")
    PyiqaMetric(Setting(tmp_path, "cpu", find_metric("liqe").options))
    assert cache.read_bytes() != b"of other weights"


def test_qalign_scores_in_float32_from_a_tiny_model(own_caches, tmp_path, pair):  # noqa: F811
    metric = QAlign(Setting(tmp_path, "cpu", {}, (tiny_one_align(tmp_path),)))
    prepared = [metric.prepare(image, "") for image in pair]
    scores = metric.score(prepared)
    assert all(1 <= score <= 5 for score in scores)
    assert scores[0] != scores[1]
    assert scores == metric.score(prepared[:1]) + metric.score(prepared[1:])
    halves = [float(metric.network(image[None].float() / 255)) for image in prepared]
    assert scores == pytest.approx(halves, abs=0.005)
    assert scores != halves  # float16 rounds


def tiny_one_align(folder):
    """A Q-Align of a few thousand weights in the cache of huggingface_hub."""
    from pyiqa.archs.q_align.configuration_mplug_owl2 import MPLUGOwl2Config
    from pyiqa.archs.q_align.modeling_mplug_owl2 import MPLUGOwl2LlamaForCausalLM
    from transformers import CLIPImageProcessor, LlamaTokenizer

    snapshot = folder / "hf" / "hub" / "models--q-future--one-align" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    words = ["<unk>", "<s>", "</s>", "\u2581", *(c for c in string.printable if c.strip())]
    words += ["\u2581" + level for level in ("excellent", "good", "fair", "poor", "bad")]
    LlamaTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[]).save_pretrained(snapshot)
    size = {"height": 448, "width": 448}
    CLIPImageProcessor(size={"shortest_edge": 448}, crop_size=size).save_pretrained(snapshot)
    use_folder(folder)  # the model's constructor looks for both
    layers = {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 128}
    vision = {
        "visual_model": layers | {"num_hidden_layers": 1, "image_size": 448, "patch_size": 14, "projection_dim": 64},
        "visual_abstractor": layers
        | {"num_hidden_layers": 1, "encoder_hidden_size": 64, "num_learnable_queries": 8, "grid_size": 32},
    }
    sizes = {"num_hidden_layers": 1, "vocab_size": len(words), "max_position_embeddings": 256}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # its configuration is that of an older transformers
        config = MPLUGOwl2Config(visual_config=vision, **layers, **sizes)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    MPLUGOwl2LlamaForCausalLM(config).half().save_pretrained(snapshot)
    return snapshot
