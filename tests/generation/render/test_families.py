"""Each of the twelve entries that diffusers draws, through its real classes, with tiny random weights."""

from dataclasses import replace

import numpy as np
import pytest

from generation.catalogue.models import read_catalogue
from generation.catalogue.sources import Diffusers
from generation.problems import InvalidInput
from generation.render import ImageRequest, Renderer
from generation.render.pipelines import Pipeline

torch = pytest.importorskip("torch")

from tests.generation.render import tiny  # noqa: E402  it needs torch

NAMES = [model.name for model in read_catalogue().models if isinstance(model.source, Diffusers)]
CLASSES = {
    "SD1.4": ("StableDiffusionPipeline", "PNDMScheduler"),
    "SD1.5": ("StableDiffusionPipeline", "PNDMScheduler"),
    "Dream": ("StableDiffusionPipeline", "PNDMScheduler"),
    "SDXL": ("StableDiffusionXLPipeline", "EulerDiscreteScheduler"),
    "SSD1B": ("StableDiffusionXLPipeline", "EulerDiscreteScheduler"),
    "Playground": ("StableDiffusionXLPipeline", "EulerAncestralDiscreteScheduler"),
    "Pixart": ("PixArtAlphaPipeline", "DPMSolverMultistepScheduler"),
    "LCM_SD1.5": ("StableDiffusionPipeline", "LCMScheduler"),
    "LCM_SDXL": ("StableDiffusionXLPipeline", "LCMScheduler"),
    "LCM_Pixart": ("PixArtAlphaPipeline", "LCMScheduler"),
    "SDXL_Turbo": ("StableDiffusionXLPipeline", "EulerAncestralDiscreteScheduler"),
    "IF": ("IFPipeline", "DDPMScheduler"),
}


@pytest.fixture(scope="session")
def models(tiny_weights):
    """The entries, with two steps in the stages of IF instead of 50 and 75."""
    models = dict(tiny.with_tiny_weights(tiny_weights))
    deepfloyd = models["IF"].source
    assert isinstance(deepfloyd, Diffusers)
    stages = tuple(replace(stage, iterations=2) for stage in deepfloyd.stages)
    models["IF"] = replace(models["IF"], source=replace(deepfloyd, stages=stages))
    return models


def requests_for(model, width=64, height=64):
    cfg = None if model.cfg is None else float(model.cfg)
    return [
        ImageRequest(f"{model.name}_{i}.png", prompt, model.name, 2, cfg, width, height, 7 + i)
        for i, prompt in enumerate(["a cat", "a castle on a hill"])
    ]


def test_the_classes_of_every_entry_are_known():
    assert list(CLASSES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_the_same_alone_and_in_a_batch_at_square_and_wide_sizes(models, tiny_weights, name):
    model = models[name]
    pipeline = Pipeline(model.source, tiny_weights, "cpu", "float32")
    assert (pipeline.classes["pipeline"], pipeline.classes["scheduler"]) == CLASSES[name]
    for size in ((64, 64), (96, 64)):
        requests = requests_for(model, *size)
        together = pipeline.draw(requests, [7, 8])
        alone = np.concatenate([pipeline.draw([one], [one.seed]) for one in requests])
        assert together.shape == (2, *size[::-1], 3)
        assert 0 <= together.min() < together.max() <= 1
        assert np.abs(together - alone).max() < 1e-4
        assert np.abs(together[0] - together[1]).max() > 0.1


def test_a_renderer_draws_them_one_model_after_the_other(models, tiny_weights, tmp_path):
    chosen = ("SDXL_Turbo", "LCM_Pixart", "IF")
    requests = [one for name in chosen for one in requests_for(models[name])]
    with Renderer(models, tiny_weights, "cpu") as renderer:
        drawn = {image.name: image for image in renderer.render(requests, tmp_path)}
    assert [image.status for image in drawn.values()] == ["done"] * len(requests)
    pixart = drawn["LCM_Pixart_0.png"].provenance
    assert (pixart["drawn_width"], pixart["drawn_height"]) == (256, 256)
    assert drawn["SDXL_Turbo_0.png"].provenance["drawn_width"] == 64
    staged = drawn["IF_1.png"].provenance
    assert (staged["drawn_width"], staged["drawn_height"]) == (4, 4)
    assert staged["stages"] == [
        "IFSuperResolutionPipeline DDPMScheduler",
        "StableDiffusionUpscalePipeline DDIMScheduler",
    ]
    assert len(staged["weights"]) == 3


def test_a_lora_changes_the_images_for_good(models, tiny_weights):
    lcm = models["LCM_SD1.5"]
    plain = replace(lcm.source, lora=None)
    requests = requests_for(lcm)
    with_lora, without = (
        Pipeline(source, tiny_weights, "cpu", "float32").draw(requests, [1, 2]) for source in (lcm.source, plain)
    )
    assert np.abs(with_lora - without).max() > 1e-3


def test_binning_can_be_switched_off_by_configuration(models, tiny_weights):
    exact = replace(models["Pixart"].source, call={"use_resolution_binning": False})
    pipeline = Pipeline(exact, tiny_weights, "cpu", "float32")
    (request, _) = requests_for(models["Pixart"], 96, 64)
    assert pipeline.drawn_size(request) == (96, 64)
    assert pipeline.draw([request], [1]).shape == (1, 64, 96, 3)


def test_a_class_that_no_entry_has_is_used_by_configuration(models, tiny_weights):
    folder = replace(models["SD1.4"].source.weights, folder=tiny_weights / "lcm")
    source = replace(models["SD1.4"].source, pipeline="LatentConsistencyModelPipeline", weights=folder)
    pipeline = Pipeline(source, tiny_weights, "cpu", "float32")
    assert pipeline.classes["scheduler"] == "LCMScheduler"
    assert pipeline.draw(requests_for(models["SD1.4"]), [1, 2]).shape == (2, 64, 64, 3)


def test_a_class_that_diffusers_lacks_and_weights_that_are_not_there_are_said(models, tiny_weights, tmp_path, entries):
    with pytest.raises(InvalidInput, match="has no class NoSuchPipeline: correct the catalogue"):
        Pipeline(replace(models["SD1.4"].source, pipeline="NoSuchPipeline"), tiny_weights, "cpu", "float32")
    with Renderer(entries, tmp_path, "cpu") as renderer, pytest.raises(InvalidInput, match="weights fetch"):
        renderer.render([replace(requests_for(entries["SD1.4"])[0], width=512, height=512)], tmp_path / "out")
