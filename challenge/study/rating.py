"""What subjects do: consent, start a session, hold it in one page, rate, finish. Every rule is kept here.

A browser may send an answer any number of times, late and in any batch: each is stored once, under the id that the
browser gave it, and one counts for each trial. Nothing that a subject has rated is refused for coming late.
"""

import dataclasses
import datetime
import math
import random
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from challenge.accounts.models import User
from challenge.study.models import Rating, RatingSession, Study, StudyImage, Subject, Trial, age
from challenge.study.order import group_order, session_order
from challenge.study.preparation_rules import pending

State = RatingSession.State
PAGE_SILENT_SECONDS = 20  # a page that was not heard of for so long holds a session no more
MOST_ANSWERS = 100  # in one batch
LONGEST_MS = 24 * 3600 * 1000
MOST_PAGES = 200
LOOK_MS = 60_000  # more than that was no looking at an image


class NotNow(Exception):
    """A session cannot start. `why` is a key of the texts, `until` when to come back, if that is known."""

    def __init__(self, why: str, until: datetime.datetime | None = None) -> None:
        super().__init__(why)
        self.why, self.until = why, until


class InvalidAnswer(ValueError):
    """An answer cannot be understood; the text says why, for whoever writes a client."""


@transaction.atomic
def consent(subject: Subject, language: str, answers: Sequence[Mapping[str, str]], user: User | None) -> None:
    """Note that the subject agrees to the consent text as it is now. `user`: the account to tie the link to, if any.

    Only an account that is a subject's is tied: others keep their rights in contests, and the link stays a bearer's.
    """
    row = Subject.objects.select_for_update(of=("self",)).select_related("study").get(pk=subject.pk)
    row.language, row.answers = language, [dict(answer) for answer in answers]
    row.consented_at, row.consent_version = timezone.now(), row.study.consent_version
    if user is not None and user.is_subject and row.user_id is None:
        row.user = user
    row.save()


def owes_consent(subject: Subject) -> bool:
    """Whether the consent text has changed since the subject agreed, or it never did."""
    return subject.consent_version < subject.study.consent_version


def groups_left(subject: Subject) -> list[int]:
    """The groups that the subject has not rated, in its order; one that was set aside comes first."""
    main = subject.study.images.filter(role=StudyImage.Role.MAIN, group__isnull=False)
    groups = main.order_by().values_list("group", flat=True).distinct()
    sessions = list(subject.sessions.values_list("group", "state"))
    taken = {group for group, state in sessions if state != State.SET_ASIDE}
    again = {group for group, state in sessions if state == State.SET_ASIDE}
    left = [group for group in group_order([g for g in groups if g is not None], subject.number) if group not in taken]
    return sorted(left, key=lambda group: group not in again)


def rest_until(subject: Subject) -> tuple[str, datetime.datetime] | None:
    """Why the subject has to wait before another session, and until when; None: it may start."""
    times = list(subject.sessions.values_list("started_at", "finished_at"))
    return rest_after(subject.study, times, timezone.now())


def rest_after(
    study: Study, times: Sequence[tuple[datetime.datetime, datetime.datetime | None]], now: datetime.datetime
) -> tuple[str, datetime.datetime] | None:
    """The same for a subject whose sessions had these starts and ends."""
    ends = [end for _, end in times if end]
    rested = max(ends, default=now) + datetime.timedelta(minutes=study.rest_minutes)
    if ends and rested > now:
        return "rest", rested
    day = datetime.timedelta(days=1)
    starts = sorted(start for start, _ in times if start > now - day)
    if len(starts) >= study.sessions_per_day:
        return "enough_today", starts[-study.sessions_per_day] + day
    return None


@transaction.atomic
def start_session(subject: Subject) -> RatingSession:
    """The subject's open session, or a new one with its order of trials. Raises NotNow."""
    Subject.objects.select_for_update().get(pk=subject.pk)
    found = subject.sessions.filter(state=State.OPEN).first()
    if found is not None:
        return found
    study = subject.study
    if study.state != Study.State.OPEN:
        raise NotNow("not_open")
    if owes_consent(subject):
        raise NotNow("consent_first")
    left = groups_left(subject)
    if not left:
        raise NotNow("all_done")
    if pending(subject):
        raise NotNow("checks_first")
    if (rest := rest_until(subject)) is not None:
        raise NotNow(*rest)
    session = RatingSession.objects.create(subject=subject, number=subject.sessions.count() + 1, group=left[0])
    Trial.objects.bulk_create(
        [
            Trial(session=session, position=place, kind=kind, image_id=image)
            for place, (kind, image) in enumerate(planned(study, session.group, f"{subject.number}:{session.number}"))
        ],
        batch_size=500,
    )
    return session


def planned(study: Study, group: int, seed: str) -> list[tuple[str, UUID]]:
    """(kind, image) of a session's trials. Without images for warming up, some of other groups serve."""
    images = study.images.order_by("name")
    main = list(images.filter(group=group).values_list("pk", flat=True))
    golds = _some(images.filter(role=StudyImage.Role.GOLD), study.golds, f"{study.seed}:{seed}:gold")
    warm = images.filter(role=StudyImage.Role.WARM_UP)
    if not warm.exists():
        others = images.filter(role=StudyImage.Role.MAIN)
        warm = others.exclude(group=group) if others.exclude(group=group).exists() else others
    warm_ups = _some(warm, study.warm_ups, f"{study.seed}:{seed}:warm")
    return session_order(main, warm_ups, golds, study.repeats, f"{study.seed}:{seed}")


def _some(rows: Any, count: int, seed: str) -> list[UUID]:
    pks = list(rows.values_list("pk", flat=True))
    return random.Random(seed).sample(pks, min(count, len(pks)))  # noqa: S311  can be drawn again


@transaction.atomic
def hold(session: RatingSession, page: UUID, device: str, *, takes_over: bool, environment: Any) -> bool:
    """Let `page` be the one that rates; False while another browser's page does, unless this one takes over.

    Of one browser the page that asked last rates: it has seen to it that no other of its pages does.
    """
    row = RatingSession.objects.select_for_update().get(pk=session.pk)
    silent = age(row.page_seen_at).total_seconds() > PAGE_SILENT_SECONDS
    if row.page not in (None, page) and row.device != device and not silent and not takes_over:
        return False
    row.page, row.device, row.page_seen_at = page, device[:40], timezone.now()
    row.pages = [*(known for known in row.pages if known != str(page)), str(page)][-MOST_PAGES:]
    row.environment = _plain(environment)
    row.save(update_fields=["page", "device", "page_seen_at", "pages", "environment"])
    return True


def _plain(environment: Any) -> dict[str, Any]:
    """What a browser says about its display: short names with numbers, flags or short texts, nothing else."""
    if not isinstance(environment, Mapping):
        return {}
    pairs = list(environment.items())[:20]
    return {str(k)[:30]: v if isinstance(v, bool | int | float) else str(v)[:60] for k, v in pairs}


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer as a browser sends it, checked; see Rating for the fields."""

    id: UUID
    trial: UUID
    value: float | None
    flag: str
    supersedes: UUID | None
    input: str
    response_ms: int
    first_ms: int | None
    was_hidden: bool
    client_at: datetime.datetime


def read_answer(given: Any, study: Study) -> Answer:
    """Check one answer of a batch. Raises InvalidAnswer."""
    if not isinstance(given, Mapping):
        raise InvalidAnswer("an answer is an object")
    value, flag = given.get("value"), given.get("flag") or ""
    if flag not in ("", *Rating.Flag.values) or (value is None) != bool(flag):
        raise InvalidAnswer("an answer has either a value or a flag")
    if value is not None:
        value = on_scale(value, study)
    if given.get("input") not in Rating.Input.values:
        raise InvalidAnswer("input is key or slider")
    try:
        at = parse_datetime(str(given.get("client_at")))
        return Answer(
            id=uuid.UUID(str(given.get("id"))),
            trial=uuid.UUID(str(given.get("trial"))),
            value=value,
            flag=flag,
            supersedes=uuid.UUID(str(given["supersedes"])) if given.get("supersedes") else None,
            input=given["input"],
            response_ms=_milliseconds(given.get("response_ms")),
            first_ms=None if given.get("first_ms") is None else _milliseconds(given["first_ms"]),
            was_hidden=given.get("was_hidden") is True,
            client_at=at if at is not None and timezone.is_aware(at) else timezone.now(),
        )
    except ValueError as error:
        raise InvalidAnswer(str(error)) from None


def on_scale(value: Any, study: Study) -> float:
    """The step of the study's scale that `value` is. Raises InvalidAnswer."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    steps = (value - study.scale_low) / study.step if is_number else 0.5
    if not is_number or not study.scale_low <= value <= study.scale_high or abs(steps - round(steps)) > 1e-6:
        raise InvalidAnswer("the value is not on the scale")
    return round(study.scale_low + round(steps) * study.step, 6)


def _milliseconds(value: Any) -> int:
    """A time as it can be stored: a score is not thrown away because a clock was set in between."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidAnswer("times are milliseconds")
    return round(min(max(0, value), LONGEST_MS))


@dataclasses.dataclass(frozen=True)
class Taken:
    """What became of a batch: `stored` ids need not be sent again, `refused` ids never will be; whether the page that
    sent it still holds the session."""

    stored: list[UUID]
    refused: dict[UUID, str]
    holds: bool
    state: str


@transaction.atomic
def take_answers(session: RatingSession, page: UUID, answers: Sequence[Answer]) -> Taken | None:
    """Store a batch in its order; None for a page that has never held the session.

    An answer counts if its trial has none that counts, or if it supersedes that one in an open session. Any other (two
    devices that rated the same image, say) is stored as superseded, for the record.
    """
    row = RatingSession.objects.select_for_update().get(pk=session.pk)
    if str(page) not in row.pages:
        return None
    trials = set(Trial.objects.filter(session=row, pk__in=[a.trial for a in answers]).values_list("pk", flat=True))
    known = set(Rating.objects.filter(pk__in=[a.id for a in answers]).values_list("pk", flat=True))
    counting = dict(Rating.objects.filter(trial__in=trials, is_superseded=False).values_list("trial", "pk"))
    refused: dict[UUID, str] = {}
    for answer in answers:
        if answer.id in known:
            continue
        if answer.trial not in trials:
            refused[answer.id] = "no trial of this session"
            continue
        current = counting.get(answer.trial)
        counts = current is None or (answer.supersedes == current and row.state == State.OPEN)
        if counts and current is not None:
            Rating.objects.filter(pk=current).update(is_superseded=True)
        if counts:
            counting[answer.trial] = answer.id
        known.add(answer.id)
        Rating.objects.create(
            id=answer.id,
            trial_id=answer.trial,
            is_superseded=not counts,
            **{
                name: getattr(answer, name)
                for name in (
                    *("value", "flag", "supersedes", "input", "response_ms", "first_ms", "was_hidden", "client_at"),
                )
            },
        )
    if row.page == page and age(row.page_seen_at).total_seconds() > 2:
        RatingSession.objects.filter(pk=row.pk).update(page_seen_at=timezone.now())
    stored = [answer.id for answer in answers if answer.id not in refused]
    return Taken(stored, refused, row.page == page, row.state)


def seen(session: RatingSession, page: UUID) -> bool:
    """Note that a page is alive; whether it holds the session."""
    return bool(RatingSession.objects.filter(pk=session.pk, page=page).update(page_seen_at=timezone.now()))


@transaction.atomic
def finish(session: RatingSession) -> bool:
    """End a session whose trials all have an answer; False while one has none."""
    row = RatingSession.objects.select_for_update().get(pk=session.pk)
    if row.state == State.OPEN:
        answered = Rating.objects.filter(trial__session=row, is_superseded=False).count()
        if answered < row.trials.count():
            return False
        row.state, row.finished_at = State.DONE, timezone.now()
        row.save(update_fields=["state", "finished_at"])
    return True


def state_of(session: RatingSession) -> list[dict[str, Any]]:
    """What a rating page has to know of each trial, in order: nothing that tells repeats, golds or names apart."""
    answers = {
        trial: {"id": str(pk), "value": value, "flag": flag}
        for trial, pk, value, flag in Rating.objects.filter(trial__session=session, is_superseded=False).values_list(
            "trial", "pk", "value", "flag"
        )
    }
    return [
        described(trial.pk, trial.image, trial.kind == Trial.Kind.WARM_UP) | {"answer": answers.get(trial.pk)}
        for trial in session.trials.select_related("image").order_by("position")
    ]


def active_ms(session: RatingSession) -> int:
    """How long the subject has looked at images so far, pauses left out: LOOK_MS of one at most."""
    times = Rating.objects.filter(trial__session=session).values_list("response_ms", flat=True)
    return sum(min(LOOK_MS, one) for one in times)


def described(trial_id: UUID, image: StudyImage, is_practice: bool) -> dict[str, Any]:
    """One trial for a rating page, without an answer."""
    return {
        "id": str(trial_id),
        "width": image.width,
        "height": image.height,
        "prompt": image.prompt,
        "translation": image.translation,
        "practice": is_practice,
        "answer": None,
    }
