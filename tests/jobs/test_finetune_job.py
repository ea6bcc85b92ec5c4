"""Fine-tuning from the form to reference rows, with random weights on tiny pictures."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from challenge.jobs import resident
from challenge.jobs.finetuning import steps
from challenge.jobs.folders import make_folder, remove_folder
from challenge.jobs.models import Job
from challenge.jobs.worker import work_once
from challenge.submissions.models import Submission
from scoring.baselines.registry import find_metric
from scoring.baselines.weights import accept
from tests.baselines.unstated import unstated
from tests.factories import make_phase, new_answer_key, upload
from tests.jobs.conftest import drain

pytest.importorskip("torch")

pytestmark = pytest.mark.django_db

URL = "/jobs/new/finetune/"
TRAIN, VALIDATION, TEST = ([f"{part}_{n}.png" for n in range(count)] for part, count in (("t", 6), ("v", 5), ("x", 5)))


def table(names: list[str]) -> bytes:
    return ("name,mos\n" + "".join(f"{name},{4.5 - 0.5 * n}\n" for n, name in enumerate(names))).encode()


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    """Noise over a gradient, more of it in later ones."""
    made: dict[str, bytes] = {}
    for names in (TRAIN, VALIDATION, TEST):
        for number, name in enumerate(names):
            noise = np.random.default_rng(len(made)).normal(0, 2 + 12 * number, (48, 48, 3))
            pixels = np.linspace(40, 200, 48)[None, :, None] + noise
            out = io.BytesIO()
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "PNG")
            made[name] = out.getvalue()
    return made


def put_weights(folder: Path, metric: str, network: Callable[[], Any]) -> None:
    """Random weights where the published ones would be."""
    import torch

    info = find_metric(metric)
    path = folder / info.weights[0].file
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.save({"params": network().state_dict()}, path)
    accept(info, folder)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    from scoring.baselines.cnniqa import CnniqaNetwork

    folder = tmp_path_factory.mktemp("weights")
    with unstated("cnniqa", "dbcnn"):
        put_weights(folder, "cnniqa", CnniqaNetwork)
        yield folder


@pytest.fixture
def phase(bells, world, pictures, weights, tmp_path, settings):
    """A phase of five images; the folders of jobs go with the test."""
    for name, content in pictures.items():
        (tmp_path / name).write_bytes(content)
    settings.BASELINE_IMAGE_FOLDERS = [str(tmp_path)]
    settings.BASELINE_WEIGHTS_DIR = str(weights)
    made = make_phase(world.challenge, "toys", position=9)
    new_answer_key(made, table(TEST))
    yield made
    for job in Job.objects.all():
        remove_folder(job.pk)


@pytest.fixture
def ask(client, world, phase, tmp_path):
    """`ask(**changes)`: what the site answers to a form that is good but for the changes."""

    def post(**changes: object):
        client.force_login(world.admin)
        data = {"metric": "cnniqa", "scope": "", "mos_low": 0, "mos_high": 5, "device": "cpu", "repeats": 2}
        data |= {"epochs": 2, "batch": 4, "micro_batch": 2, "learning_rate": 1e-3, "crop": 32}
        data |= {"source": f"folder:{tmp_path}", "phase": "", "test_source": ""}
        data |= {"train": upload(table(TRAIN), "train.csv"), "validation": upload(table(VALIDATION), "val.csv")}
        return client.post(URL, {**data, **changes})

    return post


@pytest.fixture
def started(ask):
    """`started(**changes)`: a job that nobody has worked on yet."""

    def start(**changes: object) -> Job:
        response = ask(**changes)
        assert response.status_code == 302, response.content.decode()
        return Job.objects.latest("created_at")

    return start


def trained(job: Job) -> list[bytes]:
    return [(make_folder(job.pk) / f"repeat-{seed}" / "best.safetensors").read_bytes() for seed in range(2)]


def test_each_repeat_becomes_a_reference_row_and_the_page_has_their_mean(client, phase, started):
    job = started(phase=phase.pk)
    drain()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("done", "")
    rows = Submission.objects.filter(phase=phase, kind="reference").order_by("method_name")
    assert [row.method_name for row in rows] == ["cnniqa+finetune.0", "cnniqa+finetune.1"]
    assert "fine-tuned (all, seed 0)" in rows[0].description
    summary = json.loads((make_folder(job.pk) / "summary.json").read_text())
    values = [item.result["srocc"] for item in job.items.filter(stage="repeats")]
    assert summary["srocc"]["mean"] == pytest.approx(np.mean(values))
    assert summary["srocc"]["sd"] == pytest.approx(np.std(values, ddof=1))
    text = client.get(f"{job.get_absolute_url()}repeats/").content.decode()
    assert f"{summary['srocc']['mean']:.4f} ± {summary['srocc']['sd']:.4f}" in text
    assert "2 of 2" in text


def test_the_head_of_dbcnn_is_trained_in_the_networks_full_size(phase, started, tmp_path, settings):
    from scoring.baselines.dbcnn import DbcnnNetwork

    settings.BASELINE_WEIGHTS_DIR = str(tmp_path / "weights")
    put_weights(tmp_path / "weights", "dbcnn", DbcnnNetwork)
    job = started(metric="dbcnn", scope="head", phase=phase.pk, repeats=1)
    drain()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("done", "")
    row = Submission.objects.get(phase=phase, kind="reference")
    assert (row.method_name, "fine-tuned (head, seed 0)" in row.description) == ("dbcnn+finetune.0", True)


def test_slices_with_a_kill_between_them_give_the_same_bytes_as_one_run(started, monkeypatch, client):
    whole = started()
    drain()
    monkeypatch.setattr(steps, "SLICE_SECONDS", 0.0)
    sliced = started()
    assert work_once()  # the images
    assert work_once()  # the first epoch of the first repeat
    item = sliced.items.get(stage="repeats", position=0)
    assert (item.state, item.attempts, item.result) == ("waiting", 0, {"epochs": 1})
    assert "1 of 2" in client.get(f"{sliced.get_absolute_url()}repeats/").content.decode()
    with monkeypatch.context() as patch:
        patch.setattr("scoring.baselines.finetune._validate", killed)
        with pytest.raises(SystemExit):
            work_once()  # in the middle of the second epoch
    drain()
    sliced.refresh_from_db()
    assert (sliced.state, sliced.failure) == ("done", "")
    assert trained(sliced) == trained(whole)
    assert len(set(trained(sliced))) == 2
    assert not sliced.items.filter(stage__in=("scores", "submit")).exists()  # no phase: trained only


def killed(*_args: object) -> None:
    raise SystemExit


def test_what_another_kind_keeps_is_closed_before_training_and_the_metric_after_scoring(started, phase):
    closed: list[str] = []
    resident.keep("database", "renderer", lambda: "renderer", closed.append)
    started(phase=phase.pk, repeats=1)
    while not Submission.objects.filter(phase=phase).exists():
        assert work_once()
    assert closed == ["renderer"]
    assert holds_a_metric()
    resident.keep("database", "renderer", lambda: "renderer", closed.append)
    assert not holds_a_metric()
    resident.release()


def holds_a_metric() -> bool:
    from scoring.baselines import run

    return run._RESIDENT._value is not None


def test_an_image_that_is_missing_or_damaged_is_named(started, tmp_path):
    (tmp_path / TRAIN[1]).write_bytes(b"not an image")
    job = started()
    drain()
    job.refresh_from_db()
    assert (job.state, job.stage) == ("failed", "repeats")
    assert "t_1.png: not an image" in job.failure
    (tmp_path / TRAIN[1]).unlink()
    job = started()
    work_once()
    job.refresh_from_db()
    assert (job.state, job.stage) == ("failed", "images")
    assert "1 of 11 images are not in" in job.failure


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metric": "dbcnn"}, "python -m scoring baselines weights fetch dbcnn"),
        ({"scope": "head"}, "cnniqa cannot be fine-tuned with scope"),
        ({"mos_high": 3}, "Its MOS go from 2 to 4.5, the scale from 0.0 to 3.0"),
        ({"mos_low": 5}, "is empty"),
        ({"source": "folder:/etc"}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_its_reason(ask, changes, told):
    response = ask(**changes)
    assert response.status_code == 422
    assert told in response.content.decode()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (VALIDATION, "5 of its images are in both tables: v_0.png"),
        (TRAIN[:1], "Two images are needed at least."),
        ([*TRAIN, TEST[0]], "1 of its images are test images of the phase: x_0.png"),
        ([*TRAIN, TRAIN[0]], "t_0.png"),
    ],
)
def test_tables_that_share_images_or_lack_them_are_refused(ask, phase, names, told):
    response = ask(train=upload(table(names), "train.csv"), phase=phase.pk)
    assert response.status_code == 422
    assert told in response.content.decode()


def test_the_page_of_repeats_is_of_fine_tuning_only(client, world, bells):
    client.force_login(world.admin)
    other = Job.objects.create(kind="database", title="Toys")
    assert client.get(f"{other.get_absolute_url()}repeats/").status_code == 404
