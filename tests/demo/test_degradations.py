"""The demo's computed challenge: its images, its values, and baseline metrics that a worker really runs on it."""

import io

import numpy as np
import pytest
from PIL import Image

from challenge.demo import degradations
from challenge.jobs.folders import remove_folder
from challenge.jobs.models import Job
from challenge.jobs.worker import work_once
from challenge.leaderboards.board import board
from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import score
from tests.factories import make_user

pytestmark = pytest.mark.django_db


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


def test_a_worker_puts_brisque_and_niqe_onto_its_board_and_the_page_says_that_nobody_rated(client):
    organiser, admin = make_user("organiser", is_staff=True), make_user("root", is_staff=True, is_superuser=True)
    challenge = degradations.seed_degradations(organiser, admin)
    while work_once():
        pass
    job = Job.objects.get()
    try:
        assert (job.state, job.failure) == ("done", "")
        for row in Submission.objects.all():
            score(row.pk)
        shown = {row.label: row.scores["srocc"] for row in board(challenge.phases.get())}
        assert set(shown) == {"brisque", "niqe"}
        assert min(shown.values()) > 0.2
        assert "Nobody has rated these images" in client.get(challenge.get_absolute_url()).content.decode()
    finally:
        remove_folder(job.pk)
