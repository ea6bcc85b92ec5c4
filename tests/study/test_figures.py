"""Figures 3, 6 and 7 on the site: a worker's, of sealed scores, in groups that tell of no single image."""

import io
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from challenge.core.work import State
from challenge.study import figure_run, opinion_run, opinions, setup
from challenge.study.figure_views import DRAWINGS
from challenge.study.records import FigureRun
from generation.figures.tables import figures, images_in, opinions_in
from generation.tables import parse_table
from tests.study.studies import attribute_table, computed_figures, image_table, make_study

pytestmark = pytest.mark.django_db
NAMES = [f"image_{n:04d}.png" for n in range(64)]
OPTIONS = {
    **{"screening": "srocc", "threshold": 0.6, "transform": "identity"},
    **{"session_mean": "subject_session", "duplicates": "reject"},
}


@pytest.fixture
def run(world) -> Any:
    """Opinion scores of imported, hence sealed, ratings."""
    study = make_study(world.challenge, world.organiser, images=len(NAMES))
    draw = random.Random(0)
    rows = [f"lab{s},{name},1,{n / 14 + draw.uniform(0, 0.4):.2f}" for s in range(3) for n, name in enumerate(NAMES)]
    table = "\n".join(["subject,image,session,rating", *rows]).encode()
    setup.import_ratings(study, io.BytesIO(table), "", world.organiser)
    run = opinions.ask_for_scores(study, OPTIONS, world.organiser)
    opinion_run.compute(run.pk)
    run.refresh_from_db()
    return run


def numbers_in(value: Any) -> list[dict[str, Any]]:
    """Every group of a result: whatever has an n and a mean."""
    if isinstance(value, list):
        return [found for one in value for found in numbers_in(one)]
    if isinstance(value, dict):
        own = [value] if {"n", "mean"} <= set(value) else []
        return own + [found for one in value.values() for found in numbers_in(one)]
    return []


def test_the_sites_figures_are_the_librarys_of_groups_that_hide_single_images(world, run):
    made = computed_figures(run, world.organiser, attributes=attribute_table(NAMES), all_configurations=False)
    assert made.state == State.DONE
    assert made.result is not None
    images = images_in(parse_table(image_table(NAMES), Path("t"), []))
    mos = opinions_in(parse_table(opinions.sealed_content(run), Path("m"), []))
    expected = figures(images, mos, least=10)
    assert made.result["6"] == expected["6"]
    assert made.result["7"] == expected["7"]
    assert made.result["3"]["n"] == len(NAMES)
    groups = numbers_in(made.result)
    assert {one["mean"] is not None for one in groups} == {True, False}
    assert all(one["n"] >= 10 for one in groups if one["mean"] is not None)
    text = str(made.result)
    assert not [name for name in NAMES if name in text]


def test_figures_are_shown_and_downloaded(client, world, run):
    client.force_login(world.organiser)
    page = f"{run.get_absolute_url()}figures/"
    assert "There are none yet" in client.get(page).content.decode()
    asked = {"table": SimpleUploadedFile("t.csv", image_table(NAMES)), "length": "word_terciles"}
    asked |= {"attributes": SimpleUploadedFile("a.csv", attribute_table(NAMES)), "all_configurations": "on"}
    assert client.post(page, asked).status_code == 302
    made = FigureRun.objects.get()
    assert "hx-get" in client.get(f"{page}status/").content.decode()
    figure_run.compute(made.pk)
    shown = client.get(f"{page}?values=adjusted&bars=ci95").content.decode()
    assert "figure-6-adjusted-ci95.svg" in shown
    assert "figure-3.svg" in shown
    assert "Images with another cfg also have another iterations" in client.get(page).content.decode()
    for name in ("3", "6-adjusted-ci95", "7"):
        assert client.get(f"{page}{made.pk}/figure-{name}.svg").content.startswith(b"<?xml")
    for name, (number, _) in DRAWINGS.items():
        assert str(client.get(f"{page}{made.pk}/figure-{name}.json").json()["figure"]) == number
    assert client.get(f"{page}{made.pk}/figure-7.pdf").content.startswith(b"%PDF")
    for wrong in ("figure-5.svg", "figure-6.png", "figure-6.json"):
        assert client.get(f"{page}{made.pk}/{wrong}").status_code == 404


def test_only_a_worker_with_the_private_key_computes_figures(world, run, settings):
    right, settings.ANSWER_KEY_PRIVATE_KEY_FILE = settings.ANSWER_KEY_PRIVATE_KEY_FILE, ""
    made = computed_figures(run, world.organiser)
    assert (made.state, made.attempts, made.result) == (State.WAITING, 0, None)
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = right
    figure_run.compute(made.pk)
    assert FigureRun.objects.get().state == State.DONE


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (b"name,mos\na.png,3\n", "leave opinions out"),
        (b"name,cfg_default,iteration_default,resolution_default\na.png,yes,1,1\n", "table:2: cfg_default"),
        (b"name,prompt\na.png\n", "table:2: 1 cells"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_by_line(client, world, run, table, complaint):
    client.force_login(world.organiser)
    asked = {"table": SimpleUploadedFile("t.csv", table), "length": "tokens"}
    response = client.post(f"{run.get_absolute_url()}figures/", asked)
    assert response.status_code == 422
    assert complaint in response.content.decode()
    assert not FigureRun.objects.exists()


def test_a_table_of_other_images_fails_with_the_reason(world, run):
    made = computed_figures(run, world.organiser, table=b"name,prompt\nelsewhere.png,a cat\n")
    assert made.state == State.FAILED
    assert "no image of the table has an opinion score" in made.failure
