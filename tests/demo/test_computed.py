"""The demo's computed challenge: baseline metrics that a worker really runs, and the small database that was built."""

import io
from statistics import median

import pytest
from PIL import Image

from challenge.analyses.analysis_run import analyse
from challenge.demo.computed import METRICS, seed_computed
from challenge.demo.shapes import ENLARGED, FACTORS, shapes
from challenge.jobs.folders import remove_folder
from challenge.jobs.models import Job
from challenge.jobs.worker import work_once
from challenge.leaderboards.board import board
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.scoring_run import score
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_images_away_from_the_defaults_are_further_from_their_prompts():
    images = shapes()
    assert len({image.name for image in images}) == len(images) == 80
    for place, _ in enumerate(FACTORS):
        values = {told: [i.psnr for i in images if i.defaults[place] == told] for told in ("true", "false")}
        assert len(values["true"]) == len(values["false"]) == 40
        assert median(values["true"]) > median(values["false"])


def test_images_are_as_drawn_but_large_enough_for_niqe():
    for image in shapes()[:10]:
        with Image.open(io.BytesIO(image.png)) as picture:
            assert max(picture.size) == 64 * ENLARGED
            assert min(picture.size) >= 96


def test_a_worker_puts_brisque_and_niqe_onto_both_boards_and_the_page_says_that_nobody_rated(client):
    organiser, admin = make_user("organiser", is_staff=True), make_user("root", is_staff=True, is_superuser=True)
    challenge = seed_computed(organiser, admin)
    while work_once():
        pass
    try:
        assert [(job.state, job.failure) for job in Job.objects.all()] == [("done", "")] * 2
        for row in Submission.objects.all():
            score(row.pk)
        degraded, drawn = challenge.phases.order_by("position")
        shown = {row.label: row.scores["srocc"] for row in board(degraded)}
        assert set(shown) == set(METRICS)
        assert min(shown.values()) > 0.2
        assert {row.label for row in board(drawn)} == set(METRICS)
        for evaluation in Evaluation.objects.filter(submission__phase=drawn):
            analyse(evaluation.pk)
        tables = client.get(f"/c/{challenge.slug}/shapes/tables/").content.decode()
        assert "Limited iteration" in tables
        assert "Nobody has rated these images" in client.get(challenge.get_absolute_url()).content.decode()
    finally:
        for job in Job.objects.all():
            remove_folder(job.pk)
