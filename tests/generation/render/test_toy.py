"""The toy that ships is a real model: its images get worse where the paper says that images do.

That wide formats double shapes can be seen (toy_sd/README.md), but too few do for a test of a dozen images.
"""

from pathlib import Path

import numpy as np
import pytest

from generation.demo.vocabulary import all_prompts
from generation.render import ImageRequest
from generation.render.pipelines import Pipeline

pytest.importorskip("torch")

PROMPTS = all_prompts()[5::63][:12]


@pytest.fixture(scope="module")
def draw(entries):
    """Images of the same prompts and seeds at the given steps and CFG: shape (12, 64, 64, 3)."""
    pipeline = Pipeline(entries["toy"].source, Path("none"), "cpu", "float32")

    def at(steps=20, cfg=4.0):
        requests = [ImageRequest(f"{i}.png", text, "toy", steps, cfg, 64, 64, i) for i, text in enumerate(PROMPTS)]
        return pipeline.draw(requests, [request.seed for request in requests])

    return at


def two_colours(image):
    """The two colours that explain an image best (2-means from its corner's), and whose each pixel is."""
    pixels = image.reshape(-1, 3)
    corner = pixels[0]
    colours = np.stack([corner, pixels[((pixels - corner) ** 2).sum(axis=1).argmax()]])
    for _ in range(10):
        owner = ((pixels[:, None] - colours[None]) ** 2).sum(axis=2).argmin(axis=1)
        colours = np.stack([pixels[owner == k].mean(axis=0) if (owner == k).any() else colours[k] for k in (0, 1)])
    return colours, owner


def mess(images):
    """Mean distance of a pixel from the nearer of the two colours, as a share of that between them."""
    shares = []
    for image in images:
        colours, owner = two_colours(image)
        distance = np.linalg.norm(image.reshape(-1, 3) - colours[owner], axis=1).mean()
        shares.append(distance / (np.linalg.norm(colours[0] - colours[1]) + 1e-3))
    return float(np.mean(shares))


@pytest.mark.slow
def test_few_steps_and_much_guidance_spoil_the_picture_of_a_shape(draw):
    good = draw()
    assert mess(good) < mess(draw(steps=3)) < mess(draw(steps=1))
    assert mess(good) < mess(draw(cfg=16.0))
