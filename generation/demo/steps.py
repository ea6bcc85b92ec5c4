"""The steps from prompts to a release, each a function with a folder in and out.

    FOLDER/demo.json                                                    what was asked for
    FOLDER/candidates.csv   FOLDER/prompts.csv   FOLDER/funnel.json     prompts
    FOLDER/plan.csv         FOLDER/plan.md                              plan
    FOLDER/images/                                                      render
    FOLDER/attributes.csv                                               attributes
    FOLDER/splits.csv       FOLDER/leakage.json                         split
    FOLDER/card.yaml        FOLDER/release/                             release

Every step is a command of `python -m generation`, which a real database would use just so. Each reads what those before
it wrote, can be repeated without changing a byte of what is there, and goes on where it was interrupted. They raise
what the commands raise (InvalidInput, OSError) and StepFailed.

The images are real, drawn by a trained model, and get worse where the plan says they should. Nobody has rated them: the
release has no MOS and says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from generation.catalogue.models import DEMO
from generation.cli import run_command
from generation.demo.vocabulary import all_prompts
from generation.fields import write_csv
from generation.files import whole_file
from generation.problems import InvalidInput

CARD = """\
title: Demo of shapes
description: >-
  A demonstration of how a database of generated images is built: pictures of coloured shapes, drawn by a tiny
  text-to-image model at default and other numbers of steps, guidance scales and aspect ratios. Nobody has rated these
  images, so there is no MOS; they are of no use for training or testing a quality metric.
version: 1.0.0
license: Apache-2.0
collection: >-
  Every image was drawn by the toy Stable Diffusion that ships with this software, from prompts that combine two sizes,
  seven colours, three shapes and three places. metadata/plan.csv has the parameters of each.
annotation: None. The images have not been shown to anyone for rating.
limitations: >-
  All prompts are alike, so each test prompt has a near twin in the training set. Images are 64 pixels at their longest
  edge.
"""


class StepFailed(Exception):
    """A command ended with problems, which it has printed; the step can be run again."""


@dataclass(frozen=True)
class Demo:
    """What is to be made, and where. `device` is that of the renderer."""

    folder: Path
    images: int = 120
    seed: int = 0
    device: str = "auto"


def choose_prompts(demo: Demo) -> None:
    """As many prompts as images, of the 756 that the model understands.

    Raises InvalidInput when the folder holds a demo with another number of images or seed.
    """
    demo.folder.mkdir(parents=True, exist_ok=True)
    _remember(demo)
    candidates = demo.folder / "candidates.csv"
    with whole_file(candidates) as stream:
        write_csv(stream, ["prompt"], ([prompt] for prompt in all_prompts()))
    # "released": without merging of similar prompts, since all of these are.
    _command(
        "prompts",
        *("--input", candidates, "--profile", "released", "--target", demo.images, "--seed", demo.seed),
        *("--out", demo.folder / "prompts.csv", "--report", demo.folder / "funnel.json"),
    )


def make_plan(demo: Demo) -> None:
    """One row per image: steps, CFG and size at their defaults or away from them, in the paper's shares."""
    _command(
        "plan",
        *("--models", DEMO, "--images", demo.images, "--seed", demo.seed, "--prompts", demo.folder / "prompts.csv"),
        *("--out", demo.folder / "plan.csv", "--report", demo.folder / "plan.md"),
    )


def render(demo: Demo) -> None:
    """The images, a PNG with a record each."""
    plan, images = demo.folder / "plan.csv", demo.folder / "images"
    _command("render", "--plan", plan, "--out", images, "--device", demo.device)


def measure(demo: Demo) -> None:
    """Light, contrast, colour, blur and SI of each image, and figure 3 of the paper from them."""
    _command(
        "attributes",
        *("--images", demo.folder / "images", "--out", demo.folder / "attributes.csv", "--workers", 1),
        *("--plan", demo.folder / "plan.csv", "--figure", demo.folder / "figure3.json"),
    )


def divide(demo: Demo) -> None:
    """Train, validation and test set, at random: prompts this much alike cannot be kept apart."""
    _command(
        "split",
        *("--input", demo.folder / "plan.csv", "--method", "random", "--seed", demo.seed),
        *("--out", demo.folder / "splits.csv", "--report", demo.folder / "leakage.json"),
    )


def release(demo: Demo) -> None:
    """The folder that could be published, without MOS."""
    card = demo.folder / "card.yaml"
    with whole_file(card) as stream:
        stream.write(CARD)
    plan = demo.folder / "plan.csv"
    _command(
        "release",
        *("--images", demo.folder / "images", "--table", plan, "--plan", plan, "--card", card, "--workers", 1),
        *("--splits", demo.folder / "splits.csv", "--attributes", demo.folder / "attributes.csv"),
        *("--prompts", demo.folder / "prompts.csv", "--funnel", demo.folder / "funnel.json"),
        *("--out", demo.folder / "release"),
    )


# In order.
STEPS: Mapping[str, Callable[[Demo], None]] = {
    "prompts": choose_prompts,
    "plan": make_plan,
    "render": render,
    "attributes": measure,
    "split": divide,
    "release": release,
}


def _remember(demo: Demo) -> None:
    path, asked = demo.folder / "demo.json", json.dumps({"images": demo.images, "seed": demo.seed}) + "\n"
    if path.exists() and (before := path.read_text("utf-8")) != asked:
        raise InvalidInput(f"{demo.folder}: holds another demo, of {before.strip()}: choose another folder")
    with whole_file(path) as stream:
        stream.write(asked)


def _command(name: str, *arguments: object) -> None:
    status = run_command(name, [str(argument) for argument in arguments])
    if status:
        raise StepFailed(f"python -m generation {name} ended with problems (exit status {status})")
