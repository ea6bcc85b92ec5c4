"""Rows of a board that no submission could make: the mean of each group of a column, and the noise ceiling."""

import random

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

import scoring
from challenge.analyses.models import ReferenceLine
from challenge.analyses.reference_run import work_out
from challenge.analyses.services import reconcile
from challenge.core import work
from challenge.datasets.models import RatingTable
from challenge.datasets.services import add_rating_table, open_answer_key
from challenge.leaderboards.board import board
from scoring.noise_ceiling import estimate_noise_ceiling
from scoring.reference_rows import group_mean_predictions
from tests.factories import hidden_mos, new_answer_key


@pytest.fixture(autouse=True)
def bells(monkeypatch):
    calls = []

    def ring_bell(task, *arguments):
        calls.append((task.name, *map(str, arguments)))
        return True

    monkeypatch.setattr(work, "ring_bell", ring_bell)
    return calls


def ratings_csv(images=None, subjects=12) -> bytes:
    """Ratings with a noise of 0.6 around the hidden MOS."""
    rng = random.Random(3)
    lines = ["subject,image,session,rating"]
    for name, mos in (images or hidden_mos()).items():
        lines += [f"s{n:02d},{name},1,{min(5, max(0, mos + rng.gauss(0, 0.6))):.2f}" for n in range(subjects)]
    return "\n".join(lines).encode()


def choose_generator(world):
    world.development.reference_column = "generator"
    world.development.save()


def work_all_out():
    reconcile()
    for line in ReferenceLine.objects.filter(state="waiting"):
        work_out(line.pk)


def test_the_group_mean_is_worked_out_from_the_key_and_stands_on_the_board(world, bells):
    choose_generator(world)
    world.scored(noise=0.1)
    reconcile()
    line = ReferenceLine.objects.get()
    assert ("analyses.reference", str(line.pk)) in bells
    work_out(line.pk)
    key = open_answer_key(world.development.answer_keys.get())
    expected = scoring.evaluate(group_mean_predictions(key, "generator"), key, [])
    rows = board(world.development)
    assert [row.label for row in rows] == ["Aces", "Mean of each generator"]
    assert (rows[1].rank, rows[1].is_reference, rows[1].entries) == (None, True, 0)
    assert rows[1].scores["main"] == expected.main
    assert rows[1].interval == expected.intervals["main"]


def test_a_row_that_it_beats_stands_below_it(world):
    choose_generator(world)
    world.scored(content="".join(f"img_{i:03d}.png,{(i * 7) % 11}\n" for i in range(60)).encode())
    work_all_out()
    main = ReferenceLine.objects.get().scores["main"]
    order = [row.rank_value or 0.0 for row in board(world.development)]
    assert order == sorted(order, reverse=True)
    assert round(main, 6) in order


def test_the_predictions_of_a_group_mean_are_stored_nowhere(world, client):
    choose_generator(world)
    work_all_out()
    key = open_answer_key(world.development.answer_keys.get())
    means = {f"{value:.5f}" for value in group_mean_predictions(key, "generator").values()}
    line = ReferenceLine.objects.values().get()
    assert not any(mean in str(line) for mean in means)
    assert not any(mean in client.get("/c/iqa/development/leaderboard/").content.decode() for mean in means)


def test_a_new_key_gets_its_own_line_and_another_column_none_of_the_old(world):
    choose_generator(world)
    work_all_out()
    new_answer_key(world.development)
    assert board(world.development) == []
    work_all_out()
    assert len(board(world.development)) == 1
    world.development.reference_column = ""
    world.development.save()
    assert board(world.development) == []


def test_a_column_that_the_key_does_not_have_is_refused(world):
    world.development.reference_column = "camera"
    with pytest.raises(ValidationError, match="no such column; it has: generator"):
        world.development.clean()


def test_the_noise_ceiling_comes_from_the_sealed_ratings(world, client):
    client.force_login(world.organiser)
    upload = SimpleUploadedFile("ratings.csv", ratings_csv())
    data = {"phase": str(world.development.pk), "upload": upload}
    assert client.post(reverse("admin:datasets_ratingtable_add"), data).status_code == 302
    table = RatingTable.objects.get()
    assert (table.subjects, table.images, table.rows) == (12, 60, 720)
    with table.sealed.open("rb") as stream:
        assert b"img_000" not in stream.read()
    work_all_out()
    ceiling = estimate_noise_ceiling(ratings_csv()).split_half
    row = board(world.development)[0]
    assert row.label == "Noise ceiling"
    assert {name: row.scores[name] for name in ceiling} == {name: one["estimate"] for name, one in ceiling.items()}
    assert row.scores["main"] == pytest.approx((row.scores["srocc"] + row.scores["plcc"]) / 2)
    assert "Noise ceiling" in client.get("/c/iqa/development/leaderboard/table/").content.decode()


def test_a_formula_that_the_ceiling_has_not_leaves_its_main_score_out(world, client):
    world.development.formula = "srocc - rmse"
    world.development.save()
    add_rating_table(phase=world.development, content=ratings_csv(), actor=None)
    work_all_out()
    row = board(world.development)[0]
    assert (row.rank_value, "srocc" in row.scores) == (None, True)
    assert "uses more than this line has" in client.get("/c/iqa/development/leaderboard/table/").content.decode()


def test_ratings_that_lack_images_say_so(world):
    some = dict(list(hidden_mos().items())[:50])
    add_rating_table(phase=world.development, content=ratings_csv(some), actor=None)
    work_all_out()
    line = ReferenceLine.objects.get()
    assert (line.state, line.failure) == ("failed", "10 of the 60 images of the answer key have no rating.")
    assert board(world.development) == []


def test_wrong_ratings_are_refused_by_line(world, client):
    client.force_login(world.organiser)
    upload = SimpleUploadedFile("ratings.csv", b"subject,image,session,rating\ns1,a.png,1,3\ns1,b.png,1,x\n")
    page = client.post(
        reverse("admin:datasets_ratingtable_add"), {"phase": str(world.development.pk), "upload": upload}
    ).content.decode()
    assert "line 3" in page
    assert not RatingTable.objects.exists()


def test_a_worker_without_the_private_key_leaves_the_line_waiting(world, settings):
    from challenge.datasets import services

    choose_generator(world)
    reconcile()
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = ""
    services._table.cache_clear()
    line = ReferenceLine.objects.get()
    work_out(line.pk)
    line.refresh_from_db()
    assert (line.state, line.attempts) == ("waiting", 0)
