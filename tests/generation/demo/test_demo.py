"""The demo: a real, small database from prompts to release on a CPU, and the same again without changing a byte."""

import csv
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import challenge.demo
from generation import cli
from generation.demo.pictures import described, draw, fidelity
from generation.demo.steps import STEPS
from generation.demo.vocabulary import COLOURS, PLACES, SHAPES, SIZES, all_prompts, prompt_of
from generation.problems import InvalidInput

SHIPPED = Path(challenge.demo.__path__[0]) / "data" / "shapes.zip"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    for package in ("torch", "pyarrow"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("demo") / "database"
    assert cli.main(["demo", "--images", "8", "--out", str(folder), "--device", "cpu"]) == 0
    return folder


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_release_has_every_planned_image_with_its_parameters_and_attributes(database):
    planned = {row["name"]: row for row in rows(database / "plan.csv")}
    released = {row["name"]: row for row in rows(database / "release" / "metadata" / "images.csv")}
    assert planned.keys() == released.keys()
    assert len(planned) == 8
    for name, row in released.items():
        assert (row["seed"], row["iterations"], row["prompt"]) == tuple(
            planned[name][key] for key in ("seed", "iterations", "prompt")
        )
        assert 0 <= float(row["light"]) <= 1
        record = json.loads((database / "images" / f"{name}.json").read_text())
        assert (record["status"], record["sha256"]) == ("done", row["sha256"])
    assert (database / "release" / "SHA256SUMS").exists()


def test_the_release_says_that_nobody_rated_it_and_has_no_scores(database):
    assert "mos" not in rows(database / "release" / "metadata" / "images.csv")[0]
    card = (database / "release" / "README.md").read_text()
    assert "Nobody has rated these images, so there is no MOS" in card
    assert re.search(r"\| train \| \d+ \| none yet \|", card)


def test_every_prompt_is_one_that_the_model_was_trained_on(database):
    assert {row["prompt"] for row in rows(database / "prompts.csv")} <= set(all_prompts())
    assert len(set(all_prompts())) == len(SIZES) * len(SHAPES) * len(PLACES) * len(COLOURS) * (len(COLOURS) - 1)


def test_the_same_command_again_changes_no_byte(database, capsys):
    def contents():
        files = (path for path in database.rglob("*") if path.is_file() and not path.name.endswith(".progress.jsonl"))
        return {path.relative_to(database): path.read_bytes() for path in files}

    before = contents()
    assert cli.main(["demo", "--images", "8", "--out", str(database), "--device", "cpu"]) == 0
    assert contents() == before
    said = capsys.readouterr().out
    assert "8 images, 8 of them from before" in said
    assert [f"step {i} of {len(STEPS)}: {name}" in said for i, name in enumerate(STEPS, start=1)] == [True] * len(STEPS)


def test_another_demo_in_the_same_folder_is_refused_before_anything_is_written(database, capsys):
    plan = (database / "plan.csv").read_bytes()
    assert cli.main(["demo", "--images", "9", "--out", str(database)]) == 1
    assert 'holds another demo, of {"images": 8, "seed": 0}' in capsys.readouterr().err
    assert (database / "plan.csv").read_bytes() == plan


def test_more_images_than_prompts_are_refused(tmp_path, capsys):
    assert cli.main(["demo", "--images", "757", "--out", str(tmp_path)]) == 1
    assert "the toy model knows 756 prompts" in capsys.readouterr().err


def test_the_images_that_the_site_shows_are_what_this_program_draws(tmp_path):
    pytest.importorskip("torch")
    with zipfile.ZipFile(SHIPPED) as archive:
        archive.extractall(tmp_path)
    plan = tmp_path / "plan.csv"
    plan.write_text("".join(plan.read_text().splitlines(keepends=True)[:5]))  # each image has its own seed
    out = tmp_path / "again"
    assert cli.main(["render", "--plan", str(plan), "--out", str(out), "--device", "cpu"]) == 0
    drawn = sorted(out.glob("*.png"))
    assert len(drawn) == 4
    for path in drawn:
        again, shipped = (np.asarray(Image.open(p), np.float64) for p in (path, tmp_path / "images" / path.name))
        assert np.abs(again - shipped).mean() < 1  # grey values: other versions round differently


def test_fidelity_is_that_to_the_nearest_picture_that_the_text_describes():
    text = "a large red circle on the left, blue background"
    what = described(text)
    assert prompt_of(*what) == text
    near, far = (np.asarray(draw(what, width=64, height=64, middle=middle)) for middle in (0.45, 0.9))
    assert fidelity(near, text) == float("inf")
    assert fidelity(far, text) < fidelity(np.asarray(draw(what, width=64, height=64, middle=0.458)), text)
    white = np.full((64, 112, 3), 255, np.uint8)
    assert fidelity(white, "a small black square on the right, white background") > fidelity(white, text)
    with pytest.raises(InvalidInput, match="'a cat': not a text"):
        described("a cat")
