"""The check that `make gpu-check` runs, on the models that are here: the toy, and a tiny one that fails it."""

from typing import Any

import numpy as np
import pytest
import yaml

from generation.render.check import TOLERANCE, fault, main

pytest.importorskip("torch")

ENTRY: dict[str, Any] = {
    "images": 1,
    "iterations": 2,
    "cfg": 4.0,
    "longest_edge": 64,
    "quantum": 8,
    "source": {"pipeline": "StableDiffusionPipeline", "licence": {"name": "x", "url": "https://example.org"}},
}


@pytest.fixture
def catalogue(tmp_path):
    """Write a catalogue of models in these folders; returns the options that name it."""

    def write(**folders):
        models = [
            {**ENTRY, "name": name, "source": {**ENTRY["source"], "folder": str(folder)}}
            for name, folder in folders.items()
        ]
        path = tmp_path / "models.yaml"
        path.write_text(yaml.safe_dump({"all_default": 0, "models": models}))
        return ["--catalogue", str(path), "--weights", str(tmp_path / "none"), "--out", str(tmp_path / "out")]

    return write


def test_models_are_drawn_and_their_images_kept(catalogue, entries, tmp_path, capsys):
    toy = entries["toy"].source.weights.folder
    assert main([*catalogue(mine=toy), "--device", "cpu", "mine"]) == 0
    said = capsys.readouterr().out
    assert "| mine | float32 |" in said
    assert "| passed |" in said
    assert "Not checked, weights not here: SD1.4, SD1.5" in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mine_0.png", "mine_1.png"}


def test_a_model_that_cannot_be_drawn_fails_the_check(catalogue, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main([*catalogue(broken=tmp_path / "empty"), "--device", "cpu", "broken"]) == 1
    assert "| broken |" in capsys.readouterr().out


def test_a_device_and_a_catalogue_that_are_not_there_are_said(tmp_path, capsys):
    assert main(["--device", "abacus"]) == 2
    assert "there is no device 'abacus'" in capsys.readouterr().err
    assert main(["--catalogue", str(tmp_path / "none.yaml"), "--device", "cpu"]) == 2
    assert "none.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "difference", "said"),
    [
        (lambda draws: draws.random((2, 8, 8, 3)), 0.0, ""),
        (lambda draws: draws.random((2, 8, 8, 3)), TOLERANCE, "a batch changes the image"),
        (lambda draws: np.repeat(draws.random((1, 8, 8, 3)), 2, axis=0), 0.0, "both prompts give the same image"),
        (lambda draws: np.stack([draws.random((8, 8, 3)), np.zeros((8, 8, 3))]), 0.0, "black or of one colour"),
        (lambda draws: np.stack([draws.random((8, 8, 3)), np.full((8, 8, 3), np.nan)]), 0.0, "values overflowed"),
    ],
)
def test_what_is_wrong_with_images_is_said(images, difference, said):
    assert fault(images(np.random.default_rng(0)).astype(np.float32), difference) == said
