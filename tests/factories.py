"""Rows for tests, made through the real services wherever there is one."""

import dataclasses
import datetime
import random
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.models import Challenge, Phase, Team
from challenge.contests.services import join_challenge
from challenge.datasets.key_check import check
from challenge.datasets.models import AnswerKey
from challenge.datasets.services import add_answer_key
from challenge.submissions.intake import Method, receive
from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import score

PASSWORD = "correct horse battery staple"
IMAGES = [f"img_{number:03d}.png" for number in range(60)]
GENERATORS = ("alpha", "beta", "gamma")


def hidden_mos() -> dict[str, float]:
    """The MOS of every answer key made here, with six decimals that appear nowhere else."""
    rng = random.Random(7)
    return {name: round(rng.uniform(0.5, 4.5), 6) for name in IMAGES}


def answer_key_csv() -> bytes:
    """An answer key with a generator column."""
    lines = ["name,mos,generator"]
    lines += [f"{name},{mos},{GENERATORS[i % 3]}" for i, (name, mos) in enumerate(hidden_mos().items())]
    return ("\n".join(lines) + "\n").encode()


def prediction_csv(noise: float = 0.5, seed: int = 1, **replaced: str) -> bytes:
    """A valid prediction file: the MOS plus noise; `replaced` puts another text in the place of a score."""
    rng = random.Random(seed)
    lines = []
    for name, mos in hidden_mos().items():
        key = name.removesuffix(".png")
        lines.append(f"{name},{replaced.get(key, f'{mos + rng.gauss(0, noise):.4f}')}")
    return ("\n".join(lines) + "\n").encode()


def upload(content: bytes, name: str = "prediction.csv") -> SimpleUploadedFile:
    """An uploaded file as a view gets it."""
    return SimpleUploadedFile(name, content, content_type="text/csv")


def make_user(name: str, domain: str = "example.org", **fields: Any) -> User:
    """An account with a verified address that may log in with PASSWORD."""
    from allauth.account.models import EmailAddress

    user = User.objects.create_user(name, f"{name}@{domain}", PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def new_answer_key(phase: Phase, content: bytes = b"", actor: User | None = None, **fields: Any) -> AnswerKey:
    """A new answer key, checked by the code that a worker runs: in force if nothing of the phase is scored."""
    key = add_answer_key(phase=phase, content=content or answer_key_csv(), actor=actor, **fields)
    check(key.pk)
    key.refresh_from_db()
    return key


def make_phase(challenge: Challenge, slug: str, **fields: Any) -> Phase:
    """A phase that is open for ten days, with an answer key."""
    now = timezone.now()
    defaults = {
        "title": slug.capitalize(),
        "opens_at": now - datetime.timedelta(days=1),
        "closes_at": now + datetime.timedelta(days=10),
    }
    phase = Phase.objects.create(challenge=challenge, slug=slug, **{**defaults, **fields})
    new_answer_key(phase)
    return phase


@dataclasses.dataclass
class World:
    """A published challenge with an open development phase and a blind final phase, and the people around it.

    alice founded the team, bob is in it, mallory is in another team of the same challenge, outsider takes part in
    nothing; organiser runs this challenge, other_organiser another one, admin is a superuser.
    """

    alice: User
    bob: User
    mallory: User
    outsider: User
    organiser: User
    other_organiser: User
    admin: User
    challenge: Challenge
    development: Phase
    final: Phase
    team: Team
    other_team: Team

    def submit(self, user: User | None = None, phase: Phase | None = None, **kwargs: Any) -> Submission:
        """A submission of alice (or `user`) in the development phase (or `phase`), waiting for a worker."""
        content = kwargs.pop("content", None) or prediction_csv(kwargs.pop("noise", 0.5), kwargs.pop("seed", 1))
        options = {"method": Method(name="test"), "began_at": timezone.now(), **kwargs}
        return receive(phase=phase or self.development, user=user or self.alice, upload=upload(content), **options)

    def scored(self, user: User | None = None, phase: Phase | None = None, **kwargs: Any) -> Submission:
        """The same, scored by the code that a worker runs."""
        submission = self.submit(user, phase, **kwargs)
        score(submission.pk)
        submission.refresh_from_db()
        return submission


def make_world() -> World:
    """Everything above."""
    people = {name: make_user(name) for name in ("alice", "bob", "mallory", "outsider", "organiser", "other_organiser")}
    admin = make_user("admin", is_staff=True, is_superuser=True)
    for name in ("organiser", "other_organiser"):
        people[name].is_staff = True
        people[name].save()
    challenge = Challenge.objects.create(
        slug="iqa", title="IQA challenge", summary="Predict MOS.", description="# Hello\n\nText.", is_published=True
    )
    challenge.organisers.add(people["organiser"])
    other = Challenge.objects.create(slug="other", title="Another challenge", summary="Else.", is_published=True)
    other.organisers.add(people["other_organiser"])
    development = make_phase(challenge, "development", daily_quota=5, position=1)
    final = make_phase(challenge, "final", daily_quota=5, total_quota=8, is_blind=True, position=2, board_rule="chosen")
    team = join_challenge(user=people["alice"], challenge=challenge, team_name="Aces", accepts_terms=True).team
    join_challenge(user=people["bob"], challenge=challenge, invitation=team.invitation, accepts_terms=True)
    other_team = join_challenge(
        user=people["mallory"], challenge=challenge, team_name="Rivals", accepts_terms=True
    ).team
    return World(
        **people,
        admin=admin,
        challenge=challenge,
        development=development,
        final=final,
        team=team,
        other_team=other_team,
    )


def make_pending(world: World, name: str = "pending") -> User:
    """Somebody who has founded a team in the challenge and waits for the organisers."""
    user, challenge = make_user(name), world.challenge
    Challenge.objects.filter(pk=challenge.pk).update(registration_mode=Challenge.RegistrationMode.APPROVAL)
    join_challenge(user=user, challenge=challenge, team_name=f"Team of {name}", accepts_terms=True)
    Challenge.objects.filter(pk=challenge.pk).update(registration_mode=challenge.registration_mode)
    return user


def make_subject(world: World, name: str = "subject") -> User:
    """Somebody who rates images in studies. Rows say member of alice's team and organiser; they must give nothing."""
    user = make_user(name)
    join_challenge(user=user, challenge=world.challenge, invitation=world.team.invitation, accepts_terms=True)
    world.challenge.organisers.add(user)
    user.is_subject = True
    user.save()
    return user
