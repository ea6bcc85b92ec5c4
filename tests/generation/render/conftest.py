"""Models for these tests: tiny random ones of every family, and the trained toy. Without torch all of it is skipped."""

from pathlib import Path

import pytest

from generation.catalogue.models import Generators, read_generators
from generation.render import ImageRequest, Renderer


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    pytest.importorskip("torch")
    from tests.generation.render import tiny

    folder: Path = tmp_path_factory.mktemp("tiny")
    tiny.build(folder)
    return folder


@pytest.fixture(scope="session")
def entries() -> Generators:
    return read_generators()


@pytest.fixture(scope="session")
def toy(entries, tmp_path_factory):
    """A renderer on the CPU; its generator is `toy`."""
    pytest.importorskip("torch")
    with Renderer(entries, tmp_path_factory.mktemp("weights"), device="cpu") as renderer:
        yield renderer


@pytest.fixture
def fresh_toy(entries, tmp_path):
    """The same, without a memory of how many images at a time were too many."""
    pytest.importorskip("torch")
    with Renderer(entries, tmp_path / "weights", device="cpu") as renderer:
        yield renderer


@pytest.fixture
def request_of():
    """An image to draw by the toy model in 2 steps, with what the test says changed."""

    def make(number=0, **changed) -> ImageRequest:
        fields = {
            "name": f"toy_{number:04d}.png",
            "prompt": "a large red circle on the left, blue background",
            "generator": "toy",
            "steps": 2,
            "cfg": 4.0,
            "width": 64,
            "height": 64,
            "seed": number,
        }
        return ImageRequest(**{**fields, **changed})

    return make
