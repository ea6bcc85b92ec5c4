"""Baseline metrics from the form to the board, on small images."""

import csv
import io
import zipfile

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image
from scipy.stats import spearmanr

from challenge.datasets.models import DataFile
from challenge.datasets.services import add_data_file
from challenge.jobs.baselines import kind as baselines
from challenge.jobs.baselines import steps
from challenge.jobs.folders import make_folder, remove_folder
from challenge.jobs.models import Job
from challenge.leaderboards.board import board
from challenge.leaderboards.released import released_board
from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import score
from scoring.baselines.metric import MetricUnavailable
from tests.factories import make_phase, new_answer_key, upload
from tests.jobs.conftest import drain

pytestmark = pytest.mark.django_db

NAMES = [f"toy_{number}.png" for number in range(8)]
URL = "/jobs/new/baselines/"


def picture(number: int) -> bytes:
    """Noise over a gradient, more of it in later ones; the last one is black."""
    rng = np.random.default_rng(number)
    ramp = np.linspace(40, 200, 200)[None, :, None] + rng.normal(0, 2 + 8 * number, (200, 200, 3))
    pixels = np.zeros_like(ramp) if number == len(NAMES) - 1 else ramp
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    return {name: picture(number) for number, name in enumerate(NAMES)}


@pytest.fixture
def phase(bells, world):
    """A phase of eight images; the folders of jobs go with the test."""
    made = make_phase(world.challenge, "toys", position=9)
    rows = "".join(f"{name},{4.5 - 0.5 * n},{n % 2 == 0}\n" for n, name in enumerate(NAMES))
    new_answer_key(made, f"name,mos,cfg_default\n{rows}".encode())
    yield made
    for job in Job.objects.all():
        remove_folder(job.pk)


@pytest.fixture
def folder(phase, pictures, tmp_path, settings):
    for name, content in pictures.items():
        (tmp_path / name).write_bytes(content)
    settings.BASELINE_IMAGE_FOLDERS = [str(tmp_path)]
    return tmp_path


def started(client, world, phase, source: str, *metrics: str, **more: object) -> Job:
    client.force_login(world.admin)
    data = {"phase": phase.pk, "source": source, "metrics": metrics or ["brisque", "niqe"], "device": "cpu", **more}
    response = client.post(URL, data)
    assert response.status_code == 302, response.content.decode()
    drain()
    job = Job.objects.latest("created_at")
    return job


def references(phase) -> list[Submission]:
    for row in Submission.objects.filter(phase=phase, status="queued"):
        score(row.pk)
    return list(Submission.objects.filter(phase=phase, kind="reference").order_by("received_at"))


def test_two_metrics_come_from_the_form_onto_the_board_as_reference_rows(client, world, phase, folder):
    job = started(client, world, phase, f"folder:{folder}")
    assert (job.state, job.failure) == ("done", "")
    brisque, niqe = references(phase)
    assert [brisque.method_name, niqe.method_name] == ["brisque", "niqe"]
    assert "1 of 8 images have no score (1 undefined)" in brisque.description
    assert "toy_7.png: every pixel has the same luminance" in brisque.description
    assert brisque.description in client.get(brisque.get_absolute_url()).content.decode()
    with brisque.file.open("rb") as stream:
        lines = csv.DictReader(io.StringIO(stream.read().decode()))
    scores = {row["name"]: float(row["score"]) for row in lines}
    others = [scores[name] for name in NAMES[:-1]]
    assert scores["toy_7.png"] == pytest.approx(np.median(others))
    shown = {row.label: row for row in board(phase)}
    assert set(shown) == {"brisque", "niqe"}
    assert all(row.is_reference and row.rank is None for row in shown.values())
    expected = spearmanr([scores[name] for name in NAMES], range(len(NAMES), 0, -1)).statistic
    assert shown["brisque"].scores["srocc"] == pytest.approx(expected)


def test_a_rerun_submits_nothing_twice_and_another_result_takes_the_place_of_the_first(
    client, world, phase, folder, pictures
):
    for _ in range(2):
        started(client, world, phase, f"folder:{folder}", "niqe")
    (first,) = references(phase)
    (folder / NAMES[0]).write_bytes(pictures[NAMES[3]])
    started(client, world, phase, f"folder:{folder}", "niqe")
    assert [row.submission_id for row in board(phase)] == [first.pk]  # the new one is not scored yet
    before, second = references(phase)
    assert (before, before.sha256 != second.sha256) == (first, True)
    assert [row.submission_id for row in board(phase)] == [second.pk]
    assert [row.submission_id for row in released_board(phase)] == [second.pk]
    assert [row.submission_id for row in board(phase, before=second.received_at)] == [first.pk]


def zip_file(world, members: dict[str, bytes]) -> DataFile:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    file = DataFile(challenge=world.challenge, title="Images", file_name="images.zip")
    return add_data_file(data_file=file, content=ContentFile(out.getvalue())) or file


def test_a_zip_of_the_data_page_is_unpacked_whatever_its_folders(client, world, phase, pictures):
    file = zip_file(world, {f"images/{name}": content for name, content in pictures.items()} | {"../evil.png": b"no"})
    job = started(client, world, phase, f"file:{file.pk}", "niqe")
    assert (job.state, job.failure) == ("done", "")
    assert not list(make_folder(job.pk).parent.rglob("evil.png"))


def test_the_images_of_a_finished_database_job_are_scored(client, world, phase, pictures):
    database = Job.objects.create(kind="database", title="Toys", state="done", finished_at=timezone.now())
    images = make_folder(database.pk) / "images"
    images.mkdir()
    for name, content in pictures.items():
        (images / name).write_bytes(content)
    job = started(client, world, phase, f"job:{database.pk}", "niqe")
    assert (job.state, job.failure) == ("done", "")


def test_missing_images_stop_it_by_name_before_anything_is_scored(client, world, phase, folder):
    (folder / NAMES[2]).unlink()
    job = started(client, world, phase, f"folder:{folder}")
    assert (job.state, job.stage) == ("failed", "images")
    assert "1 of 8 images are not in" in job.failure
    assert "toy_2.png" in job.failure


def test_a_damaged_image_stops_a_metric_and_going_on_without_it_fills_it_in(client, world, phase, folder):
    (folder / NAMES[2]).write_bytes(b"not an image")
    job = started(client, world, phase, f"folder:{folder}", "niqe")
    assert (job.state, job.stage) == ("failed", "scores")
    assert "toy_2.png: unreadable: not an image" in job.failure
    assert not references(phase)
    client.post(f"{job.get_absolute_url()}skip/")
    drain()
    (niqe,) = references(phase)
    assert "2 of 8 images have no score" in niqe.description
    assert "1 unreadable" in niqe.description


def test_prompts_that_a_metric_needs_are_asked_for_at_once(client, world, phase, folder, monkeypatch):
    monkeypatch.setattr(baselines, "require", lambda info, folder: {})
    monkeypatch.setattr(baselines, "check_packages", lambda needed: None)
    from challenge.jobs.baselines import offers

    monkeypatch.setattr(offers, "_offered", offers.OfferedMetric)
    job = started(client, world, phase, f"folder:{folder}", "clip")
    assert (job.state, job.stage) == ("failed", "images")
    assert "8 of 8 images have no prompt" in job.failure
    prompts = "".join(f"{name},a red circle\n" for name in NAMES)
    monkeypatch.setattr(steps, "run_chunk", unavailable)
    job = started(
        client, world, phase, f"folder:{folder}", "clip", prompts=upload(f"name,prompt\n{prompts}".encode(), "p.csv")
    )
    assert (job.stage, job.failure) == ("scores", "8 prompts")


def unavailable(_info, _images, prompts, _device, **_more):
    raise MetricUnavailable(f"{len(prompts)} prompts")


def test_metrics_without_weights_cannot_be_chosen_and_the_page_says_how_to_fetch_them(client, world, phase, folder):
    client.force_login(world.admin)
    text = client.get(URL).content.decode()
    assert "python -m scoring baselines weights fetch musiq" in text
    response = client.post(URL, {"phase": phase.pk, "source": f"folder:{folder}", "metrics": "musiq", "device": "cpu"})
    assert response.status_code == 422
    assert not Job.objects.exists()


def test_who_may_run_jobs_but_not_the_challenge_is_offered_nothing_of_it(client, world, phase, folder):
    from django.contrib.auth.models import Permission

    world.other_organiser.user_permissions.add(Permission.objects.get(codename="run_jobs"))
    client.force_login(world.other_organiser)
    assert str(phase.pk) not in client.get(URL).content.decode()
    response = client.post(URL, {"phase": phase.pk, "source": f"folder:{folder}", "metrics": "niqe", "device": "cpu"})
    assert response.status_code == 422


def test_a_zip_of_another_challenge_and_a_folder_that_is_not_listed_are_refused(client, world, phase, folder):
    client.force_login(world.admin)
    other = zip_file(world, {"a.png": b"x"})
    DataFile.objects.filter(pk=other.pk).update(challenge=type(world.challenge).objects.get(slug="other"))
    for source in (f"file:{other.pk}", "folder:/etc"):
        data = {"phase": phase.pk, "source": source, "metrics": "niqe", "device": "cpu"}
        assert client.post(URL, data).status_code == 422
