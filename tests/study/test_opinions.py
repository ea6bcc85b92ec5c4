"""Opinion scores on the site: those of the library, sealed, sent on once; what a web process cannot do."""

import csv
import io
import random
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

import scoring
from challenge.core.work import State
from challenge.datasets.services import open_answer_key
from challenge.study import opinion_run, opinions, rating, setup
from challenge.study.exports import mos_rows
from challenge.study.figures import entropy
from challenge.study.models import Trial
from challenge.study.records import OpinionRun, Publication
from tests.study.studies import invited, make_study, rate, stored

pytestmark = pytest.mark.django_db
OPTIONS = {
    **{"screening": "srocc", "threshold": 0.6, "transform": "identity"},
    **{"session_mean": "subject_session", "duplicates": "reject"},
}
NAMES = [f"image_{n:04d}.png" for n in range(24)]


@pytest.fixture
def study(world):
    made = make_study(world.challenge, world.organiser, images=24, session_images=12)
    for seed in range(4):
        subject, _ = invited(made, world.organiser)
        draw = random.Random(seed)
        for _ in range(2):
            rate(rating.start_session(subject), lambda trial, draw=draw: noisy(trial, draw))
    return made


def noisy(trial: Trial, draw: random.Random) -> float:
    quality = random.Random(trial.image.name).uniform(0.5, 4.5)
    return round(min(5.0, max(0.0, quality + draw.gauss(0, 0.4))), 1)


def computed(study, actor, **options) -> Any:
    run = opinions.ask_for_scores(study, {**OPTIONS, **options}, actor)
    opinion_run.compute(run.pk)
    run.refresh_from_db()
    return run


def names_csv(names, column: str = "") -> SimpleUploadedFile:
    lines = [f"name{',' + column if column else ''}", *(f"{n}{',a' if column else ''}" for n in names)]
    return SimpleUploadedFile("names.csv", "\n".join(lines).encode())


def table_of(content: bytes) -> dict[str, float]:
    return {row["image"]: float(row["mos"]) for row in csv.DictReader(io.StringIO(content.decode()))}


def test_the_sites_scores_are_the_librarys(world, study):
    run = computed(study, world.organiser)
    assert run.state == State.DONE
    expected = scoring.mean_opinion_scores(list(mos_rows(study)), transform="identity")
    assert table_of(stored(run.table)) == expected.table.as_mapping()
    assert opinions.sealed_content(run) == stored(run.table)
    assert {**expected.to_dict(), "histograms": run.result["histograms"]} == run.result
    opinion_run.compute(run.pk)
    assert OpinionRun.objects.get().attempts == 1


def test_imported_ratings_count_too(world, study):
    rows = [f"lab,{name},1,{random.Random(name).uniform(0.5, 4.5):.2f}" for name in NAMES]
    setup.import_ratings(
        study, io.BytesIO("\n".join(["subject,image,session,rating", *rows]).encode()), "", world.organiser
    )
    run = computed(study, world.organiser)
    assert run.result["diagnostics"]["subjects"] == 5
    assert "lab" in run.result["diagnostics"]["statistic"]
    assert not run.table  # what is sealed stays sealed


def test_archived_ratings_give_the_same_scores_to_workers_alone(client, world, study, settings):
    before = computed(study, world.organiser)
    table = stored(before.table)
    setup.close_study(study, world.organiser)
    opinions.archive(study, world.organiser)
    before.refresh_from_db()
    assert not before.table
    right, settings.ANSWER_KEY_PRIVATE_KEY_FILE = settings.ANSWER_KEY_PRIVATE_KEY_FILE, ""
    run = computed(study, world.organiser)
    assert (run.state, run.attempts) == (State.WAITING, 0)
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = right
    opinion_run.compute(run.pk)
    run.refresh_from_db()
    assert (run.state, bool(run.table)) == (State.DONE, False)
    assert opinions.sealed_content(run) == table
    client.force_login(world.organiser)
    assert client.get(run.get_absolute_url()).status_code == 200
    assert client.get(f"{run.get_absolute_url().rstrip('/')}.csv").status_code == 404


def test_ratings_of_a_subject_who_withdrew_leave_the_archive_too(world, study):
    setup.close_study(study, world.organiser)
    opinions.archive(study, world.organiser)
    setup.withdraw(study.subjects.get(number=2))
    run = computed(study, world.organiser)
    assert sorted(run.result["diagnostics"]["statistic"]) == ["S001", "S003", "S004"]


def test_scores_become_a_sealed_key_and_a_data_file_once(client, world, study):
    run = computed(study, world.organiser)
    client.force_login(world.organiser)
    page = run.get_absolute_url()
    assert b"".join(client.get(f"{page.rstrip('/')}.csv")) == stored(run.table)
    assert client.get(f"{page}status/").status_code == 200
    for wrong in (
        {"target": "key", "images": names_csv(NAMES)},
        {"target": "data", "images": names_csv(NAMES)},
        {"target": "data", "title": "T", "images": names_csv([])},
        {"target": "data", "title": "T", "images": names_csv(["a", "a"])},
        {"target": "data", "title": "T", "images": SimpleUploadedFile("n.csv", b"name,mos\na,1\n")},
        {"target": "data", "title": "T", "images": SimpleUploadedFile("n.csv", b"name,x\na\n")},
        {"target": "data", "title": "T", "images": SimpleUploadedFile("n.csv", b"\xff\xfe\0")},
    ):
        assert client.post(page, wrong).status_code == 422
    key_of = {"target": "key", "phase": world.final.pk, "images": names_csv(NAMES[12:], "generator")}
    assert client.post(page, key_of).status_code == 302
    assert client.post(page, {"target": "data", "title": "MOS", "images": names_csv(NAMES[:12])}).status_code == 302
    for made in Publication.objects.all():
        for _ in range(2):
            opinion_run.publish(made.pk)
    scores = table_of(stored(run.table))
    key = Publication.objects.get(target="key").answer_key
    table = open_answer_key(key)
    assert dict(zip(table.names, table.mos.tolist(), strict=True)) == {name: scores[name] for name in NAMES[12:]}
    assert (key.version, key.subset_columns, key.further_columns) == (2, ["generator"], ["mos_std", "n_ratings"])
    version = Publication.objects.get(target="data").data_version
    rows = list(csv.DictReader(io.StringIO(stored(version.file).decode())))
    assert {row["name"]: float(row["mos"]) for row in rows} == {name: scores[name] for name in NAMES[:12]}
    assert version.data_file.audience == "participants"
    assert client.get(page).status_code == 200


def test_images_without_a_score_are_named_and_nothing_is_made(world, study):
    run = computed(study, world.organiser)
    made = opinions.publish(
        run,
        target="key",
        images=b"name\nimage_0001.png\nnowhere.png\n",
        phase=world.final,
        title="",
        actor=world.organiser,
    )
    opinion_run.publish(made.pk)
    made.refresh_from_db()
    assert (made.state, made.failure) == (State.FAILED, "1 of 2 images have no score: nowhere.png.")
    assert world.final.answer_keys.count() == 1


def test_a_study_that_cannot_be_scored_says_why(client, world, study):
    client.force_login(world.organiser)
    page = f"/c/iqa/studies/{study.pk}/scores/"
    assert client.post(page, {**OPTIONS, "transform": "cube"}).status_code == 422
    response = client.post(page, {**OPTIONS, "threshold": 1})
    run = OpinionRun.objects.get()
    assert response.headers["Location"] == run.get_absolute_url()
    opinion_run.compute(run.pk)
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "no subject is left" in run.failure
    empty = make_study(world.challenge, world.organiser)
    with pytest.raises(setup.ChangeRefused, match="no ratings"):
        opinions.ask_for_scores(empty, OPTIONS, world.organiser)


def test_waiting_scores_are_rung_for_again(world, study, monkeypatch):
    rung: list[str] = []

    def ring_bell(task: Any, *_: Any) -> bool:
        rung.append(task.name)
        return True

    monkeypatch.setattr("challenge.core.work.ring_bell", ring_bell)
    opinions.ask_for_scores(study, OPTIONS, world.organiser)
    assert opinions.reconcile() == 1
    assert rung == ["study.compute_scores"]


def test_figure_5_counts_every_image_and_is_a_file_for_papers(client, world, study):
    run = computed(study, world.organiser, transform="reflected_log")
    client.force_login(world.organiser)
    page = f"{run.get_absolute_url()}figure-5"
    numbers = client.get(f"{page}.json").json()
    assert sum(numbers["raw"]) == sum(numbers["mos"]) == 24
    assert numbers["mos"][0] >= 1 <= numbers["mos"][-1]  # MOS reach both ends of the scale
    assert numbers["skew"]["mos"] == run.result["diagnostics"]["distributions"]["reflected_log"]["skew"]
    assert 0 < numbers["entropy"]["raw"] < 1
    means: dict[str, list[float]] = {}
    for _, image, _, value in mos_rows(study):
        means.setdefault(image, []).append(value)
    raw = [sum(own) / len(own) for own in means.values()]
    assert numbers["raw"] == np.histogram(raw, 50, (0, 5))[0].tolist()
    assert client.get(f"{page}.svg").content.startswith(b"<?xml")
    assert client.get(f"{page}.pdf").content == client.get(f"{page}.pdf").content != b""
    assert client.get(f"{page}.png").status_code == 404


def test_entropy_is_one_for_equal_bins_and_zero_for_one():
    assert entropy([3] * 50) == pytest.approx(1)
    assert entropy([0] * 49 + [7]) == 0
