"""A season from the first rating to the leaderboard: study, opinion scores, split, sealed key, phase, submission."""

import datetime
import random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

import scoring
from challenge.contests.models import Phase
from challenge.datasets.key_check import check
from challenge.datasets.services import current_answer_key
from challenge.study import opinion_run, rating
from challenge.study.records import OpinionRun, Publication
from generation.split.assign import assign, deciles
from tests.study.studies import attribute_table, computed_figures, invited, make_study, rate

IMAGES, SUBJECTS = 60, 6


def quality_of(name: str) -> float:
    return random.Random(name).uniform(0.5, 4.5)


def noisy(quality: float, noise: float, draw: random.Random) -> float:
    return round(min(5.0, max(0.0, quality + draw.gauss(0, noise))), 1)


@pytest.mark.django_db
def test_from_ratings_to_the_board(client, world):
    study = make_study(world.challenge, world.organiser, images=IMAGES, session_images=30)
    for seed in range(SUBJECTS):
        subject, _ = invited(study, world.organiser)
        draw = random.Random(seed)
        for _ in range(2):
            rate(
                rating.start_session(subject),
                lambda trial, draw=draw: noisy(quality_of(trial.image.name), 0.5, draw),
            )

    client.force_login(world.organiser)
    asked = {"screening": "srocc", "threshold": 0.6, "transform": "identity"}
    asked |= {"session_mean": "subject_session", "duplicates": "reject"}
    page = client.post(f"/c/iqa/studies/{study.pk}/scores/", asked).headers["Location"]
    opinion_run.compute(OpinionRun.objects.get().pk)

    names = list(study.images.filter(role="main").order_by("name").values_list("name", flat=True))
    sets = assign(names, deciles(names, ["one"] * IMAGES, None), (4, 1, 3), seed=1)
    part = {which: [n for n, s in zip(names, sets, strict=True) if s == which] for which in ("train", "test")}
    assert len(part["test"]) >= 20
    now, day = timezone.now(), datetime.timedelta(days=1)
    phase = Phase.objects.create(
        challenge=world.challenge, slug="season", title="Season", opens_at=now - day, closes_at=now + day
    )

    def listed(which: str) -> SimpleUploadedFile:
        return SimpleUploadedFile("names.csv", "\n".join(["name", *part[which]]).encode())

    client.post(page, {"target": "data", "title": "Training MOS", "images": listed("train")})
    client.post(page, {"target": "key", "phase": phase.pk, "images": listed("test")})
    for made in Publication.objects.all():
        opinion_run.publish(made.pk)
    check(Publication.objects.get(target="key").answer_key_id)
    assert current_answer_key(phase).rows == len(part["test"])

    draw = random.Random(9)
    guesses = {name: quality_of(name) + draw.gauss(0, 0.3) for name in part["test"]}
    content = "\n".join(f"{name},{score:.5f}" for name, score in guesses.items()).encode()
    submission = world.scored(phase=phase, content=content)
    assert submission.status == "scored"
    main = submission.evaluations.get().result["srocc"]
    assert main > 0.85
    board = client.get("/c/iqa/season/leaderboard/").content.decode()
    assert "Aces" in board
    assert f"{main:.4f}" in board

    # Figures of the same scores: models that the names of a plan tell, and no image alone.
    figures = computed_figures(OpinionRun.objects.get(), world.organiser, attributes=attribute_table(names))
    assert figures.result is not None
    assert figures.result["6"]["n"] == figures.result["7"]["n"] == IMAGES
    shown = client.get(f"{page}figures/").content.decode()
    assert all(f"figure-{name}.svg" in shown for name in ("3", "6-std", "7"))

    # The same numbers in a notebook, from the table that the operator downloads.
    ratings = client.get(f"/c/iqa/studies/{study.pk}/ratings.csv").content
    scores = scoring.mean_opinion_scores(ratings, transform="identity").table.as_mapping()
    assert scoring.evaluate(guesses, {name: scores[name] for name in part["test"]}).to_dict()["srocc"] == main
