"""Light, contrast, colour, blur and SI against the formulas as written and against scikit-image."""

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy.ndimage import sobel
from skimage import data
from skimage.measure import blur_effect

from generation.attributes import ATTRIBUTES
from generation.attributes.measure import at_edge, measure
from tests.generation.pictures import pixels

PICTURES = ("astronaut", "coffee", "chelsea", "camera", "page")


def picture(name):
    found = getattr(data, name)()
    return np.ascontiguousarray(found if found.ndim == 3 else np.repeat(found[:, :, None], 3, axis=2))


def luma(rgb):
    return np.floor(rgb @ np.array([0.299, 0.587, 0.114]) + 0.5)


@pytest.mark.parametrize("name", PICTURES)
def test_values_are_those_of_the_formulas(name):
    rgb = picture(name)
    found = measure(rgb)
    y = luma(rgb)
    red, green, blue = (rgb[:, :, i].astype(float) for i in range(3))
    rg, yb = red - green, (red + green) / 2 - blue
    colourfulness = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    # OpenCV's fixed-point luma is at most one level off where the exact value is nearly half-way.
    assert found["light"] == pytest.approx(y.mean() / 255, abs=2e-5)
    assert found["contrast"] == pytest.approx(y.std() / 255, abs=2e-5)
    assert found["colour"] == pytest.approx(colourfulness, rel=1e-9)
    assert found["si"] == pytest.approx(np.hypot(sobel(y, 0), sobel(y, 1))[1:-1, 1:-1].std(), rel=1e-4)


@pytest.mark.parametrize("name", PICTURES)
def test_blur_is_that_of_scikit_image(name):
    rgb = picture(name)
    assert measure(rgb)["blur"] == pytest.approx(blur_effect(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)), abs=1e-9)
    if name in ("astronaut", "camera", "page", "chelsea"):  # scikit-image's own gray has other weights of the colours
        assert measure(rgb)["blur"] == pytest.approx(blur_effect(rgb, channel_axis=-1), abs=4e-4)


def test_blurring_raises_blur_and_lowers_spatial_information():
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    found = [measure(noise), *(measure(cv2.GaussianBlur(noise, (size, size), 0)) for size in (3, 9, 21))]
    blur, si = ([one[name] for one in found] for name in ("blur", "si"))
    assert blur == sorted(blur)
    assert si == sorted(si, reverse=True)
    assert blur[0] < 0.15
    assert blur[-1] > 0.5


def test_a_flat_image_is_blurred_and_has_nothing_else():
    flat = np.full((64, 48, 3), 102, dtype=np.uint8)
    assert measure(flat) == {"light": 0.4, "contrast": 0, "colour": 0, "blur": 1, "si": 0}


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (3, 40), (4, 4), (1, 3000)])
def test_images_too_small_to_have_an_inside_are_measured(shape):
    tiny = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for found in (measure(tiny), measure(at_edge(tiny))):
        assert all(np.isfinite(value) for value in found.values())
    assert (measure(tiny)["blur"] == 1) == (min(shape) < 4)
    assert (measure(tiny)["si"] == 0) == (min(shape) < 3 or max(shape) == 3)


images = arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30), st.just(3)))


@given(images)
def test_values_are_in_range_and_the_same_for_the_transposed_image(rgb):
    found = measure(rgb)
    assert tuple(found) == ATTRIBUTES
    assert 0 <= found["light"] <= 1
    assert 0 <= found["contrast"] <= 0.5
    assert 0 <= found["blur"] <= 1
    assert found["colour"] >= 0
    assert found["si"] >= 0
    turned = measure(np.ascontiguousarray(rgb.transpose(1, 0, 2)))
    assert turned == pytest.approx(found, rel=1e-6, abs=1e-6)


@given(images)
def test_a_gray_image_has_no_colour(rgb):
    assert measure(np.repeat(rgb[:, :, :1], 3, axis=2))["colour"] == 0


def test_values_do_not_depend_on_where_the_pixels_lie_in_memory():
    rgb = cv2.GaussianBlur(pixels(3, (301, 203)), (5, 5), 0)
    found = set()
    for offset in range(8):
        buffer = np.empty(rgb.size + 8, dtype=np.uint8)
        view = buffer[offset : offset + rgb.size].reshape(rgb.shape)
        view[:] = rgb
        found.add(tuple(measure(view).values()))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1024, 768), (512, 384)), ((288, 512), (288, 512)), ((256, 256), (512, 512)), ((3000, 2), (512, 1))],
)
def test_the_longest_edge_becomes_512_pixels(size, expected):
    scaled = at_edge(pixels(0, size))
    assert scaled.shape == (expected[1], expected[0], 3)
    assert scaled.dtype == np.uint8


def test_shrinking_averages():
    rgb = pixels(1, (1024, 1024))
    blocks = rgb.reshape(512, 2, 512, 2, 3).mean(axis=(1, 3))
    assert np.abs(at_edge(rgb) - blocks).max() <= 0.5
