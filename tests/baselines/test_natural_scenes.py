"""BRISQUE and NIQE against values of another implementation and published ones, and on images that have none."""

import csv
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageFilter

from scoring.baselines.metric import Undefined
from scoring.baselines.natural_scenes import fit_asymmetric, fit_symmetric, halve
from scoring.baselines.registry import find_metric
from tests.reference import shared

# IQA-PyTorch 0.1.16 on scikit-image's pictures; on the LIVE test image it agrees with MATLAB to 0.01.
EXPECTED = {
    "astronaut": (2.877, 3.062),
    "coffee": (30.063, 4.062),
    "chelsea": (2.574, 2.572),
    "rocket": (9.938, 7.036),
}


def value(name, image):
    metric = find_metric(name).load(None, "cpu")
    return metric.score([metric.prepare(image, "")])[0]


@pytest.mark.parametrize("picture", EXPECTED)
def test_values_agree_with_another_implementation(picture, pictures):
    brisque, niqe = EXPECTED[picture]
    assert value("brisque", pictures[picture]) == pytest.approx(brisque, abs=0.01)
    assert value("niqe", pictures[picture]) == pytest.approx(niqe, abs=0.01)


def test_values_agree_with_published_ones_of_27_generated_images():
    folder = shared("avt-ai-images")
    with (folder / "metric_scores.csv").open(newline="") as stream:
        published = {row["image_key"]: row for row in csv.DictReader(stream)}
    paths = sorted((folder / "images_original" / "stable_diffusion").glob("*.png"))
    assert len(paths) == 27
    differences = []
    for path in paths:
        image, row = np.asarray(Image.open(path).convert("RGB")), published[f"stable_diffusion/{path.stem}"]
        differences.append([value("brisque", image) - float(row["BRISQUE"]), value("niqe", image) - float(row["NIQE"])])
    largest, median = np.abs(differences).max(axis=0), np.median(np.abs(differences), axis=0)
    assert largest[0] < 0.15
    assert largest[1] < 0.01
    assert median[0] < 0.01
    assert median[1] < 0.002


@pytest.mark.parametrize("name", ["brisque", "niqe"])
def test_blur_and_noise_raise_the_value(name, pictures):
    original = pictures["chelsea"]
    blurred = [np.asarray(Image.fromarray(original).filter(ImageFilter.GaussianBlur(radius))) for radius in (1, 3)]
    values = [value(name, image) for image in (original, *blurred)]
    assert values == sorted(values)
    noise = np.random.default_rng(0).normal(0, 40, original.shape)
    assert value(name, np.clip(original + noise, 0, 255).astype(np.uint8)) > values[0] + 5


@pytest.mark.parametrize("name", ["brisque", "niqe"])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_image_of_one_colour_has_no_value(name, level):
    with pytest.raises(Undefined, match="texture"):
        value(name, np.full((256, 256, 3), level, np.uint8))


def test_an_image_with_less_than_two_blocks_has_no_niqe(pictures):
    assert np.isfinite(value("niqe", pictures["rocket"][:96, :192]))
    with pytest.raises(Undefined, match="two blocks"):
        value("niqe", pictures["rocket"][:191, :191])


def test_niqe_looks_at_whole_blocks_only(pictures):
    wide = pictures["astronaut"][:288, :512]
    assert value("niqe", wide) == value("niqe", wide[:, :480])


def test_half_size_keeps_a_constant_and_rounds_up():
    assert halve(np.full((7, 10), 3.0)) == pytest.approx(np.full((4, 5), 3.0))
    ramp = halve(np.tile(np.arange(40.0), (6, 1)))
    assert ramp[0, 5:-5] == pytest.approx(np.arange(10, 30, 2) + 0.5)  # between the two source pixels


@pytest.mark.parametrize(("shape", "sampler"), [(2.0, "normal"), (1.0, "laplace")])
def test_fits_find_the_shape_of_known_distributions(shape, sampler):
    draws = getattr(np.random.default_rng(3), sampler)(0, 2, 200_000)
    deviation = 2 * (1 if sampler == "normal" else 2**0.5)
    found, sigma = fit_symmetric(draws)
    assert found == pytest.approx(shape, abs=0.03)
    assert sigma == pytest.approx(deviation, rel=0.01)
    # An asymmetric one has mass on each side in proportion to its scale there.
    sides = np.where(np.random.default_rng(4).random(draws.size) < 0.75, 3, -1)
    shapes, left, right = fit_asymmetric(np.stack([draws, sides * np.abs(draws)]))
    assert shapes == pytest.approx([shape, shape], abs=0.05)
    assert right / left == pytest.approx([1, 3], rel=0.02)


def test_they_run_without_torch():
    program = """
import sys
for name in ("torch", "pyiqa", "transformers", "pyarrow", "skimage"):
    sys.modules[name] = None
import numpy as np
from scoring.baselines.registry import find_metric
image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
for name in ("brisque", "niqe"):
    metric = find_metric(name).load(None, "cpu")
    print(metric.score([metric.prepare(image, "")]))
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_importing_the_package_loads_nothing_heavy():
    program = """
import sys, scoring, scoring.baselines, scoring.baselines.registry, scoring.baselines.run, scoring.baselines.command
assert not {"scipy", "PIL", "torch", "pyiqa", "pyarrow"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
