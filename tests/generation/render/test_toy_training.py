"""Training the toy: the pictures, the tokens, and that it learns and gives a pipeline that loads."""

import random
from pathlib import Path

import numpy as np
import pytest

from generation.catalogue.models import DEMO, read_catalogue
from generation.demo.vocabulary import COLOURS, all_prompts

torch = pytest.importorskip("torch")

from generation.render import toy_training  # noqa: E402  it draws with Pillow
from generation.render.libraries import load_diffusers, without_deprecations  # noqa: E402


def test_a_picture_shows_what_its_text_says():
    draws = random.Random(3)
    for _ in range(30):
        image, text = toy_training.picture(draws)
        words = text.replace(",", "").split()
        colours = {tuple(colour) for _, colour in image.getcolors(image.width * image.height)}
        assert text in all_prompts()
        assert {COLOURS[words[2]], COLOURS[words[-2]]} <= colours
        assert image.getpixel((63, 63)) == COLOURS[words[-2]] or words[1] == "large"


def test_each_word_is_one_token_as_in_the_model_that_ships():
    tokenizer = toy_training.word_tokenizer()
    text = "a small green square on the center, white background"
    ours = tokenizer(text).input_ids
    assert len(ours) == len(text.replace(",", " ,").split()) + 2
    (shipped,) = read_catalogue(DEMO).models
    theirs = type(tokenizer).from_pretrained(Path(shipped.source.weights.folder) / "tokenizer")
    assert (len(tokenizer), ours) == (len(theirs), theirs(text).input_ids)


def test_training_gives_a_pipeline_of_the_architecture_that_ships(tmp_path):
    sizes = ["--autoencoder-steps", "2", "--denoiser-steps", "2", "--pictures", "8", "--batch", "2"]
    with without_deprecations():
        assert toy_training.main(["--out", str(tmp_path / "toy"), *sizes]) == 0
        pipelines = [
            load_diffusers().StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
            for folder in (tmp_path / "toy", read_catalogue(DEMO).models[0].source.weights.folder)
        ]
    ours, shipped = (
        {
            f"{part}.{name}": tuple(value.shape)
            for part in ("unet", "vae", "text_encoder")
            for name, value in getattr(pipe, part).state_dict().items()
        }
        for pipe in pipelines
    )
    assert ours == shipped
    assert pipelines[0].scheduler.config.steps_offset == pipelines[1].scheduler.config.steps_offset


def test_the_autoencoder_learns():
    torch.manual_seed(0)
    draws = random.Random(0)
    stacked = np.stack([np.asarray(toy_training.picture(draws)[0]) for _ in range(8)])
    pixels = torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 127.5 - 1
    vae, *_ = toy_training.make_parts(load_diffusers())

    def error():
        with torch.no_grad():
            return torch.nn.functional.mse_loss(vae.decode(vae.encode(pixels).latent_dist.mean).sample, pixels).item()

    before = error()
    toy_training.train_autoencoder(vae, pixels, steps=15, batch=4)
    assert error() < 0.8 * before
    scaled = vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor
    assert scaled.std().item() == pytest.approx(1, abs=0.05)
