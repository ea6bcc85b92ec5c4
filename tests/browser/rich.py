"""A world with something to see on every page: a full board, every state, every refusal."""

import datetime
import io
import random
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from challenge.accounts.models import User
from challenge.analyses.analysis_run import analyse
from challenge.analyses.release_run import release
from challenge.contests.deadlines import change_deadline, freeze_board
from challenge.contests.models import Challenge, Phase, Registration, Team
from challenge.contests.records import RegistrationQuestion
from challenge.contests.services import join_challenge
from challenge.datasets.models import DataFile
from challenge.datasets.services import add_data_file, add_version
from challenge.jobs.models import Job
from challenge.rescorings.models import Rescored, Rescoring
from challenge.rescorings.services import publish
from challenge.study import preparations
from challenge.study.models import RatingSession, Study
from challenge.study.opinion_run import compute
from challenge.study.opinion_run import publish as send_on
from challenge.study.opinions import ask_for_scores
from challenge.study.opinions import publish as publish_scores
from challenge.study.rating import start_session
from challenge.study.records import OpinionRun
from challenge.study.setup import import_ratings, reopen_session, save_study
from challenge.submissions.counting import counting_evaluation
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import score
from challenge.submissions.services import fail
from challenge.teams import mergers
from tests.browser.news import News
from tests.browser.news import make as make_news
from tests.factories import (
    World,
    hidden_mos,
    make_pending,
    make_phase,
    make_user,
    new_answer_key,
    prediction_csv,
    upload,
)
from tests.jobs.made import make_fine_tuning, make_job
from tests.reports import made
from tests.rescorings.conftest import begin, finished
from tests.study.studies import attribute_table, computed_figures, invited, make_study, rate

DESCRIPTION = """\
Predict the mean opinion score of images that text-to-image models made.

## Task

You get images and the **MOS** of the training part. For each image of the other parts, send one number.

| Part | Images |
|---|---|
| Training | 9,800 |
| Validation | 1,400 |

See the [paper](https://arxiv.org/abs/2404.03407).
"""
TERMS = "One account per person.\n\n* Do not label the test images by hand.\n* Describe your method when you submit."


@dataclass
class Rich:
    """What pages are opened for: submissions, a challenge without phases, somebody who waits for the organisers, and
    somebody who has not accepted the terms as they are now."""

    scored: Submission
    queued: Submission
    failed: Submission
    undefined: Submission
    blind: Submission
    reference: Submission
    empty: Challenge
    report: Rescoring
    published: Rescoring
    running: Rescoring
    failed_rescoring: Rescoring
    released: Submission
    late: Submission
    jobs: dict[str, Job]
    tuning: Job
    pending: User
    behind: User
    study: Study
    draft: Study
    rated: RatingSession
    scores: OpinionRun
    token: str
    checked: Study
    checked_token: str
    news: News


def fill(world: World) -> Rich:
    """Give `world` data files, terms, teams, references, an undefined row and submissions in every state."""
    challenge, now = world.challenge, timezone.now()
    Challenge.objects.filter(pk=challenge.pk).update(description=DESCRIPTION, terms=TERMS, is_demo=True)
    challenge.refresh_from_db()
    world.development.shows_fit = True
    world.development.save()
    _phases(challenge, now)
    _files(challenge, now)
    _metrics(challenge)
    for number, name in enumerate(["Pixel Peepers", "Örebro Vision Lab with a name that goes on and on", "Kōan"]):
        member = make_user(f"member{number}")
        join_challenge(user=member, challenge=challenge, team_name=name, accepts_terms=True)
        world.scored(member, noise=0.3 + 0.4 * number, seed=number)
    world.scored(world.mallory, content=prediction_csv(0.6, 3))
    lonely = make_user("lonely")
    join_challenge(user=lonely, challenge=challenge, team_name="Constant", accepts_terms=True)
    constant = b"".join(line.split(b",")[0] + b",2.5\n" for line in prediction_csv().splitlines())
    world.submit(phase=make_phase(challenge, "spent", daily_quota=1, position=9))
    method = Method(name="A convolutional baseline", description="Two lines\nof text.", runtime_s=0.25, device="gpu")
    scored = world.scored(noise=0.4, method=method)
    analyse(scored.evaluations.get().pk)
    rich = Rich(
        undefined=world.scored(lonely, content=constant),
        reference=_reference(world.development),
        failed=_failed(world.submit()),
        scored=scored,
        queued=world.submit(seed=9),
        blind=world.scored(phase=world.final),
        empty=Challenge.objects.create(
            slug="soon", title="A challenge that is being prepared", summary="No phases yet.", is_published=True
        ),
        released=_ladder(world),
        late=_late(world, now),
        pending=_waits(world),
        behind=_is_behind(world),
        jobs=_jobs(world),
        tuning=make_fine_tuning(world.admin),
        news=make_news(world),
        **_study(world),
        **_rescorings(world),
    )
    _sheets(world)
    return rich


def _sheets(world: World) -> None:
    """A draft of alice's team with a file, whose method was run again; one submitted sheet; the others are missing."""
    made.collect(world, closes_at=timezone.now() + datetime.timedelta(days=2), tolerance=0.0001)
    made.save(world, upload=made.pdf(), training_data="", ensemble=True)
    made.submitted(world, User.objects.get(username="member1"), team_title="Örebro Vision Lab")
    counting = counting_evaluation(world.team, world.development)
    made.reproduced(world, counting.submission, prediction_csv(0.42))


def _jobs(world: World) -> dict[str, Job]:
    """One in each state that has something of its own to show."""
    failure = "1 of the stage images failed. The first: black"
    return {
        "running": make_job(world.admin, "running", "images"),
        "paused": make_job(world.admin, "paused", "prompts"),
        "failed": make_job(world.admin, "failed", "images", failure=failure),
        "done": make_job(world.admin, "done"),
    }


def _rescorings(world: World) -> dict[str, Rescoring]:
    """One whose report waits for a decision, one that was published, one that a worker has not begun."""
    world.scored(phase=world.final)
    report = finished(world, phase=world.development)
    Rescored.objects.filter(rescoring=report, submission__team=world.other_team).update(
        evaluation=None,
        failure="The file does not match the list of images: 2 names are missing: img_100.png, img_101.png",
    )
    published = finished(world, phase=world.final)
    publish(published, world.organiser)
    new_answer_key(world.final, scale=(1.0, 2.0))
    failed = begin(world, phase=Phase.objects.get(slug="late"))
    Rescoring.objects.filter(pk=failed.pk).update(state="failed", failure="Something went wrong on our side.")
    running = begin(world, phase=world.final)
    return {"report": report, "published": published, "running": running, "failed_rescoring": failed}


def _ladder(world: World) -> Submission:
    """A phase with a Ladder: a score that moved, and one of the same team that did not, which is returned."""
    phase = make_phase(world.challenge, "ladder", release_rule="ladder", leak_budget_bits=500, position=6)
    sent = [world.scored(user, phase, noise=0.5) for user in (world.mallory, world.alice)]
    sent.append(world.scored(phase=phase, noise=0.52, seed=2))
    for submission in sent:
        evaluation = submission.evaluations.get()
        analyse(evaluation.pk)
        release(evaluation.pk)
    return sent[-1]


def _late(world: World, now: datetime.datetime) -> Submission:
    """A phase with a moved deadline and a frozen board, and one that takes late files, one of which is returned."""
    hour = datetime.timedelta(hours=1)
    moved = make_phase(world.challenge, "moved", position=7)
    world.scored(phase=moved, began_at=now - 3 * hour, noise=0.6)
    freeze_board(phase=moved, frozen_at=now - 2 * hour, actor=world.organiser, reason="The last day is a surprise.")
    world.scored(world.mallory, moved, began_at=now - hour)
    reason = "The server was down for most of Sunday, so everybody gets the day back."
    change_deadline(phase=moved, closes_at=moved.closes_at + 24 * hour, reason=reason, actor=world.organiser)
    closed = make_phase(
        world.challenge, "late", closes_at=now - 2 * hour, late_until=now + 9 * hour, gate=moved, position=8
    )
    world.scored(world.mallory, phase=closed, began_at=now - 3 * hour, noise=0.9)
    return world.scored(phase=closed, began_at=now - hour)


def _study(world: World) -> dict[str, Any]:
    """A study with careful and careless subjects, one session set aside, imported ratings, scores that went on."""
    draft = Study(challenge=world.challenge, title="The next study", consent_text="Yes")
    save_study(draft, [], world.organiser)
    study = make_study(world.challenge, world.organiser, images=48, session_images=24, golds=1, repeats=3)
    sessions: list[RatingSession] = []
    for number in range(5):
        subject, token = invited(study, world.organiser)
        draw = random.Random(number)
        for _ in range(2 if number < 3 else 1):
            sessions.append(start_session(subject))
            rate(sessions[-1], lambda trial, number=number, draw=draw: _score(trial.image.name, number, draw))
    reopen_session(sessions[0], "Half asleep, says the supervisor.", world.organiser)
    lab = "".join(f"lab,image_{n:04d}.png,1,{n % 50 / 10}\n" for n in range(48))
    import_ratings(study, io.BytesIO(f"subject,image,session,rating\n{lab}".encode()), "Lab B", world.organiser)
    options = {"screening": "srocc", "threshold": 0.5, "transform": "identity"}
    options |= {"session_mean": "subject_session", "duplicates": "reject"}
    scores = ask_for_scores(study, options, world.organiser)
    compute(scores.pk)
    scores.refresh_from_db()
    names = list(study.images.order_by("name").values_list("name", flat=True))
    computed_figures(scores, world.organiser, attributes=attribute_table(names))
    images = b"name\nimage_0001.png\nnowhere.png\n"
    sent = publish_scores(scores, target="data", images=images, phase=None, title="Train", actor=world.organiser)
    send_on(sent.pk)
    checked = _begins(world)
    return {"study": study, "draft": draft, "rated": sessions[1], "scores": scores, "token": token, **checked}


def _begins(world: World) -> dict[str, Any]:
    """A study with checks and training, and a subject in the middle of them."""
    checks = {"display_check": "pass", "acuity_check": "pass", "colour_check": "record", "languages": "both"}
    study = make_study(world.challenge, world.organiser, images=4, anchors=4, **checks)
    subject, token = invited(study, world.organiser)
    for kind in ("display", "colour", "training"):
        row = preparations.begin(subject, kind, {"ratio": "1", "width": "1280", "height": "800"})
        answers = [step["right"] for step in row.steps] if kind == "display" else ["3"]
        for place, given in enumerate(answers):
            preparations.answer(row.pk, place, given)
    return {"checked": study, "checked_token": token}


def _score(name: str, number: int, draw: random.Random) -> float:
    if number == 4:
        return 3.0
    quality = random.Random(name).uniform(0.5, 4.5)
    return round(min(5.0, max(0.0, quality + draw.gauss(0, 0.4))), 1)


def _waits(world: World) -> User:
    """Questions, somebody who has answered them, and two plans of mergers, one of which the organisers confirm."""
    questions = [
        ("Institution", "text", ""),
        ("Your track", "choice", "Image\nVideo"),
        ("I am a student", "checkbox", ""),
    ]
    for position, (text, kind, choices) in enumerate(questions):
        RegistrationQuestion.objects.create(
            challenge=world.challenge, position=position, text=text, kind=kind, choices=choices, required=False
        )
    for leader, name in ((world.mallory, "Aces"), (world.alice, "Pixel Peepers")):
        plan = mergers.ask(Team.objects.get(leader=leader), name, actor=leader)
    mergers.agree(plan, actor=User.objects.get(username="member0"))
    return make_pending(world)


def _is_behind(world: World) -> User:
    user = make_user("behind")
    join_challenge(user=user, challenge=world.challenge, team_name="Latecomers", accepts_terms=True)
    Registration.objects.filter(user=user).update(terms_version=0)
    return user


def _phases(challenge: Challenge, now: datetime.datetime) -> None:
    day = datetime.timedelta(days=1)
    times: dict[str, Any] = {
        "closed": {"opens_at": now - 9 * day, "closes_at": now - 2 * day},
        "upcoming": {"opens_at": now + 3 * day, "closes_at": now + 9 * day},
        "keyless": {"opens_at": now - day, "closes_at": now + 9 * day},
    }
    for position, (slug, fields) in enumerate(times.items(), start=3):
        Phase.objects.create(challenge=challenge, slug=slug, title=slug.capitalize(), position=position, **fields)


def _files(challenge: Challenge, now: datetime.datetime) -> None:
    files: dict[str, dict[str, Any]] = {
        "Training MOS": {"audience": "public", "licence": "Apache-2.0", "description": "Name and MOS."},
        "Names of the validation images": {"audience": "participants"},
        "Test images": {"audience": "participants", "available_from": now + datetime.timedelta(days=4)},
    }
    for position, (title, fields) in enumerate(files.items()):
        file = DataFile(challenge=challenge, title=title, file_name=f"file-{position}.csv", position=position, **fields)
        add_data_file(data_file=file, content=upload(b"name,mos\n" * 500))
    replaced = DataFile.objects.get(challenge=challenge, title="Training MOS")
    add_version(data_file=replaced, content=upload(b"name,mos\n" * 501), note="One image that was missing.")


def _reference(phase: Phase) -> Submission:
    submission = receive_reference(
        phase=phase, upload=upload(prediction_csv(0.9, 5)), method=Method(name="NIQE"), actor=None
    )
    score(submission.pk)
    return submission


def _metrics(challenge: Challenge) -> None:
    """A phase with baseline metrics, for tables 2 and 3."""
    phase = make_phase(challenge, "settings", position=9)
    columns = ("cfg_default", "iteration_default", "resolution_default")
    rows = [f"{name},{mos},{n % 2 == 0},{n % 3 > 0},{n % 5 > 1}" for n, (name, mos) in enumerate(hidden_mos().items())]
    new_answer_key(phase, "\n".join([f"name,mos,{','.join(columns)}", *rows]).encode())
    for number, name in enumerate(("brisque", "niqe", "musiq", "clip", "dbcnn+finetune")):
        row = receive_reference(
            phase=phase, upload=upload(prediction_csv(0.4 * number + 0.3, number)), method=Method(name=name), actor=None
        )
        score(row.pk)
        analyse(row.evaluations.get().pk)


def _failed(submission: Submission) -> Submission:
    fail(Submission.objects.filter(pk=submission.pk, status="queued"), "Scoring took longer than 240 s.")
    submission.refresh_from_db()
    return submission
