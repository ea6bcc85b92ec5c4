"""The demo challenges of `make serve`: real figures, a few teams, reference rows, everything marked as demo.

Seeding happens once, in one transaction; what was seeded before is left as people have changed it since.
"""

import datetime
import io
import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from challenge.accounts.models import User
from challenge.announcements.services import publish
from challenge.contests.models import Challenge, Phase, Registration, Team
from challenge.contests.services import join_challenge
from challenge.datasets.models import DataFile
from challenge.datasets.services import add_answer_key, add_data_file, put_in_force
from challenge.demo import dataset, predictions, texts
from challenge.demo.computed import seed_computed
from challenge.submissions.intake import Method, receive, receive_reference
from challenge.submissions.models import Evaluation, Submission

SLUG = "aigiqa-demo"
FEATURED = "Generator mean"
LICENCE = "Apache-2.0 (MA-AGIQA / AIGIQA-20K)"

# Team, then its submissions in the development phase: (method name, rule).
TEAMS: dict[str, list[tuple[str, predictions.Rule]]] = {
    "Demo Alder": [
        ("noisy means, 0.6", predictions.noisy_mean(0.6, 1)),
        ("noisy means, 0.15", predictions.noisy_mean(0.15, 2)),
    ],
    "Demo Birch": [("half stars", predictions.half_stars)],
    "Demo Cedar": [("half stars, again", predictions.half_stars)],
    "Demo Elm": [
        ("noisy means, 1.0", predictions.noisy_mean(1.0, 3)),
        ("noisy means, 0.3", predictions.noisy_mean(0.3, 4)),
    ],
    "Demo Fir": [("wrong way round", predictions.inverted)],
}


def seed_demo() -> None:
    """Create the demo accounts, challenge, data files, teams and submissions unless the challenge is there."""
    if Challenge.objects.filter(slug=SLUG).exists():
        return
    passwords = {account["username"]: account["password"] for account in demo_accounts()} or {
        name: secrets.token_urlsafe(9) for name in ("admin", "organiser", "participant")
    }
    with transaction.atomic():
        admin, organiser, participant = _accounts(passwords)
        challenge, development, final = _challenge(organiser)
        _data_files(challenge)
        for phase, part in ((development, "validation"), (final, "test")):
            # At once: the worker that checks it may not run yet, and the key is ours.
            put_in_force(add_answer_key(phase=phase, content=dataset.answer_key(part), actor=organiser))
            _references(phase, part, admin)
        join_challenge(user=participant, challenge=challenge, team_name="Demo Participant", accepts_terms=True)
        Team.objects.filter(challenge=challenge).update(is_demo=True)
        publish(challenge=challenge, title="What counts here", text=texts.ANNOUNCEMENT, actor=organiser)
        _teams(challenge, development)
        if settings.DEMO_BASELINES:
            seed_computed(organiser, admin)
    _write_accounts(passwords)


def demo_accounts() -> list[dict[str, str]]:
    """Role, user name and password of the demo accounts, as they were made; empty before the seed."""
    path = _accounts_file()
    if not path.exists():
        return []
    accounts: list[dict[str, str]] = json.loads(path.read_text())
    return accounts


def featured_submission() -> dict[str, Any] | None:
    """The reference row whose score `make serve` waits for and prints; None while there is none."""
    submission = (
        Submission.objects.select_related("phase__challenge")
        .filter(phase__challenge__slug=SLUG, phase__slug="development", method_name=FEATURED)
        .first()
    )
    if submission is None:
        return None
    current = Evaluation.objects.filter(submission=submission, is_current=True).first()
    return {
        "team": submission.label,
        "challenge": submission.phase.challenge.title,
        "status": submission.status,
        "main": current.result["main"] if current else None,
        "url": f"/c/{SLUG}/development/leaderboard/",
    }


def _accounts_file() -> Path:
    return Path(settings.STATE_DIR) / "demo-accounts.json"


def _write_accounts(passwords: dict[str, str]) -> None:
    accounts = [{"role": name, "username": name, "password": password} for name, password in passwords.items()]
    path = _accounts_file()
    path.touch(mode=0o600)
    path.write_text(json.dumps(accounts, indent=1))


def _accounts(passwords: dict[str, str]) -> tuple[User, User, User]:
    from allauth.account.models import EmailAddress

    made = []
    for name, password in passwords.items():
        user = User(username=name, email=f"{name}@demo.invalid", is_demo=True)
        user.is_superuser = name == "admin"
        user.is_staff = name in ("admin", "organiser")
        user.set_password(password)
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        made.append(user)
    return made[0], made[1], made[2]


def _challenge(organiser: User) -> tuple[Challenge, Phase, Phase]:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    challenge = Challenge.objects.create(
        slug=SLUG,
        title="AIGIQA-20K demo challenge",
        summary="Predict the mean opinion score of AI-generated images from 15 text-to-image models.",
        description=texts.DESCRIPTION,
        terms=texts.TERMS,
        is_published=True,
        is_demo=True,
    )
    challenge.organisers.add(organiser)
    development = Phase.objects.create(
        challenge=challenge,
        slug="development",
        title="Development",
        description=texts.DEVELOPMENT,
        position=1,
        opens_at=now - datetime.timedelta(days=7),
        closes_at=now + datetime.timedelta(days=365),
        daily_quota=20,
        shows_fit=True,
    )
    final = Phase.objects.create(
        challenge=challenge,
        slug="final",
        title="Final test",
        description=texts.FINAL,
        position=2,
        opens_at=now - datetime.timedelta(days=1),
        closes_at=now + datetime.timedelta(days=372),
        daily_quota=2,
        total_quota=5,
        board_rule=Phase.BoardRule.CHOSEN,
        is_blind=True,
    )
    return challenge, development, final


def _data_files(challenge: Challenge) -> None:
    public, participants = DataFile.Audience.PUBLIC, DataFile.Audience.PARTICIPANTS
    sample = predictions.prediction_file("validation", predictions.constant)
    files = [
        ("Training MOS", "train.csv", "9,800 names with their MOS", participants, dataset.training_table()),
        (
            "Validation names",
            "validation_names.txt",
            "1,400 names to predict",
            participants,
            dataset.names("validation"),
        ),
        ("Test names", "test_names.txt", "2,800 names to predict", participants, dataset.names("test")),
        ("Sample submission", "sample_submission.csv", "A valid file for the development phase", public, sample),
    ]
    for position, (title, file_name, description, audience, content) in enumerate(files):
        data_file = DataFile(
            challenge=challenge,
            title=title,
            file_name=file_name,
            description=description,
            audience=audience,
            licence=LICENCE,
            position=position,
        )
        add_data_file(data_file=data_file, content=ContentFile(content))


def _references(phase: Phase, part: str, actor: User) -> None:
    for name, rule in ((FEATURED, predictions.generator_mean), ("Constant", predictions.constant)):
        method = Method(name=name, description=(rule.__doc__ or "").strip())
        upload = _upload(f"{name.lower().replace(' ', '_')}.csv", predictions.prediction_file(part, rule))
        receive_reference(phase=phase, upload=upload, method=method, actor=actor)


def _teams(challenge: Challenge, phase: Phase) -> None:
    part = "validation"
    for team_name, methods in TEAMS.items():
        username = team_name.lower().replace(" ", "-")
        user = User.objects.create(username=username, email=f"{username}@demo.invalid", is_demo=True)
        user.set_unusable_password()
        user.save(update_fields=["password"])
        registration: Registration = join_challenge(
            user=user, challenge=challenge, team_name=team_name, accepts_terms=True
        )
        Team.objects.filter(registrations=registration).update(is_demo=True)
        for method_name, rule in methods:
            receive(
                phase=phase,
                user=user,
                upload=_upload("prediction.csv", predictions.prediction_file(part, rule)),
                method=Method(name=method_name, description="Demo row made from public training MOS."),
                began_at=timezone.now(),
            )


def _upload(name: str, content: bytes) -> SimpleUploadedFile:
    upload = SimpleUploadedFile(name, content, content_type="text/csv")
    upload.file = io.BytesIO(content)
    return upload
