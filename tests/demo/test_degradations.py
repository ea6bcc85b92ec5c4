"""The demo's degraded textures and their values."""

import io

import numpy as np
import pytest
from PIL import Image

from challenge.demo import degradations


@pytest.fixture(scope="module")
def images() -> list[degradations.Degraded]:
    return degradations.degraded_images()


def test_every_image_has_a_name_of_its_own_and_a_higher_level_a_lower_psnr(images):
    assert len({image.name for image in images}) == len(images) == 54
    values = {image.name: image.psnr for image in images}
    for scene in range(1, degradations.SCENES + 1):
        for name in degradations.LEVELS:
            first, second, third = (values[f"scene{scene}_{name}{level}.png"] for level in (1, 2, 3))
            assert first > second > third


def test_psnr_is_that_of_the_noise_that_was_added(images):
    assert degradations.psnr(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)) == 0
    noisy = [image.psnr for image in images if image.name.endswith("noise1.png")]
    assert noisy == pytest.approx([20 * np.log10(255 / 4.0)] * len(noisy), abs=0.1)


def test_images_are_the_same_each_time_and_can_be_read(images):
    again = degradations.degraded_images()
    assert [image.png for image in again] == [image.png for image in images]
    with Image.open(io.BytesIO(images[0].png)) as picture:
        assert (picture.size, picture.mode) == ((degradations.SIDE, degradations.SIDE), "RGB")
    assert sum(len(image.png) for image in images) < 10_000_000
