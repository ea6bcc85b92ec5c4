"""Writes of organisers to a study: one function, one transaction, one event that says who and why."""

import hashlib
import random
from collections.abc import Sequence
from typing import IO, Any
from zipfile import BadZipFile

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from challenge.accounts.models import User
from challenge.audit.models import Act
from challenge.audit.services import record
from challenge.datasets import sealing
from challenge.study.image_list import Entry, Files, InvalidList, read_list
from challenge.study.models import RatingSession, Study, StudyImage, Subject
from challenge.study.png import NotAPicture, strip_png
from challenge.study.records import SealedRatings, StudyEvent
from scoring.problems import ProblemLog, quoted
from scoring.ratings import InvalidRatings, read_ratings

Action = StudyEvent.Action
State = Study.State
MOST_INVITATIONS = 500


class ChangeRefused(Exception):
    """A study stays as it is; `str(error)` says why and what to do."""


def note(study: Study, action: StudyEvent.Action, actor: User | None, reason: str = "", **fields: Any) -> None:
    """Write down what was done; what people did also in the audit log."""
    StudyEvent.objects.create(study=study, action=action, actor=actor, reason=reason[:300], **fields)
    if actor is not None:
        after = {"action": str(action.label)}
        record(actor, Act.STUDY, study, challenge=study.challenge, reason=reason, after=after)


def locked(study: Study) -> Study:
    """The row as it is now, locked until the transaction ends."""
    return Study.objects.select_for_update(of=("self",)).select_related("challenge").get(pk=study.pk)


@transaction.atomic
def save_study(study: Study, questionnaire: list[dict[str, Any]], actor: User) -> None:
    """Store a new study, or changed settings of one.

    The scale stays once somebody has rated, and a consent text that somebody has agreed to becomes a new version.
    Raises ChangeRefused.
    """
    is_new = study._state.adding
    if not is_new:
        before = locked(study)
        scale = ("scale_low", "scale_high", "step")
        if before.state != State.DRAFT and any(getattr(before, name) != getattr(study, name) for name in scale):
            raise ChangeRefused("The scale is fixed: the study has been open, and ratings on two scales do not mix.")
        texts = ("consent_text", "consent_text_zh")
        changed = any(getattr(before, name) != getattr(study, name) for name in texts)
        if changed and before.subjects.filter(consent_version=before.consent_version).exists():
            study.consent_version = before.consent_version + 1
    study.questionnaire = questionnaire
    study.save()
    note(study, Action.CREATED if is_new else Action.CHANGED, actor)


def add_images(study: Study, content: bytes, files: Files, actor: User | None) -> int:
    """Store the images of a list (`image_list`) without their metadata; how many.

    Files are stored first, rows in one transaction at the end: a list with any fault adds nothing. Raises InvalidList,
    ChangeRefused.
    """
    if study.state != State.DRAFT:
        raise ChangeRefused("The study has been opened: its images are fixed.")
    rows = _stored(study, read_list(content, study, files), files)
    with transaction.atomic():
        if locked(study).state != State.DRAFT:
            raise ChangeRefused("The study has been opened: its images are fixed.")
        StudyImage.objects.bulk_create(rows, batch_size=500)
        note(study, Action.IMAGES, actor, f"{len(rows):,} images")
    return len(rows)


def _stored(study: Study, entries: Sequence[Entry], files: Files) -> list[StudyImage]:
    """Unsaved rows with their files. Raises InvalidList, and removes the files again, where one is no picture."""
    faults, rows = ProblemLog(), []
    for entry in entries:
        try:
            picture = strip_png(files.read(entry.name))
        except (NotAPicture, OSError, BadZipFile) as error:
            text = error.strerror if isinstance(error, OSError) and error.strerror else error
            faults.add("bad_image", f"line {entry.line}: {quoted(entry.name)} {text}", entry.line)
            continue
        row = StudyImage(
            study=study,
            name=entry.name,
            size=len(picture.content),
            width=picture.width,
            height=picture.height,
            prompt=entry.prompt,
            translation=entry.translation,
            translation_source=entry.translation_source,
            role=entry.role,
            group=entry.group,
            expected_low=entry.low,
            expected_high=entry.high,
        )
        row.file.save(f"{row.pk}.png", ContentFile(picture.content), save=False)
        rows.append(row)
    report = faults.report(rows=len(entries))
    if not report.ok:
        for row in rows:
            row.file.delete(save=False)
        raise InvalidList(report)
    return rows


@transaction.atomic
def open_study(study: Study, actor: User) -> None:
    """Let subjects rate; the first time, images without a group are dealt out. Raises ChangeRefused."""
    study_row = locked(study)
    main = study_row.images.filter(role=StudyImage.Role.MAIN)
    if study_row.archived_at:
        raise ChangeRefused("The ratings are archived: a study that goes on would have two halves. Start another one.")
    if study_row.state == State.OPEN:
        raise ChangeRefused("The study is open already.")
    if not main.exists():
        raise ChangeRefused("Add images first.")
    loose = list(main.filter(group=None).order_by("name").values_list("pk", flat=True))
    random.Random(f"{study_row.seed}:groups").shuffle(loose)  # noqa: S311  can be drawn again
    first = (main.aggregate(last=Max("group"))["last"] or -1) + 1 if main.exclude(group=None).exists() else 0
    for start in range(0, len(loose), study_row.session_images):
        group = first + start // study_row.session_images
        StudyImage.objects.filter(pk__in=loose[start : start + study_row.session_images]).update(group=group)
    _set_state(study, State.OPEN)
    note(study, Action.OPENED, actor)


@transaction.atomic
def close_study(study: Study, actor: User) -> None:
    """No new session from now on; what browsers still hold of open ones is taken. Raises ChangeRefused."""
    if locked(study).state != State.OPEN:
        raise ChangeRefused("The study is not open.")
    _set_state(study, State.CLOSED)
    note(study, Action.CLOSED, actor)


def _set_state(study: Study, state: Study.State) -> None:
    Study.objects.filter(pk=study.pk).update(state=state)
    study.state = state


@transaction.atomic
def invite(study: Study, count: int, actor: User) -> list[tuple[Subject, str]]:
    """New subjects with the tokens of their links, which exist in this answer only. Raises ChangeRefused."""
    if not 1 <= count <= MOST_INVITATIONS:
        raise ChangeRefused(f"Invite 1 to {MOST_INVITATIONS} subjects at once.")
    locked(study)
    last = study.subjects.aggregate(last=Max("number"))["last"] or 0
    language = "zh" if study.languages == Study.Languages.CHINESE else "en"
    made = []
    for number in range(last + 1, last + 1 + count):
        token = Subject.new_token()
        subject = Subject(study=study, number=number, token_digest=Subject.digest_of(token), language=language)
        made.append((subject, token))
    Subject.objects.bulk_create(subject for subject, _ in made)
    codes = dict.fromkeys((made[0][0].code, made[-1][0].code))
    note(study, Action.INVITED, actor, " to ".join(codes))
    return made


@transaction.atomic
def renew_link(subject: Subject, actor: User) -> str:
    """A new token for a subject; the old link, and browsers that used it, are out. Raises ChangeRefused."""
    subject = Subject.objects.select_for_update(of=("self",)).select_related("study").get(pk=subject.pk)
    if subject.withdrawn_at:
        raise ChangeRefused("This subject has withdrawn.")
    token = Subject.new_token()
    subject.token_digest = Subject.digest_of(token)
    subject.save(update_fields=["token_digest"])
    note(subject.study, Action.NEW_LINK, actor, subject.code)
    return token


@transaction.atomic
def reopen_session(session: RatingSession, reason: str, actor: User) -> None:
    """Set a session aside, so that its subject rates the group once more. Its ratings stay, and count no more.

    Raises ChangeRefused without a reason, and where it is set aside already or the study is archived.
    """
    study = locked(session.subject.study)
    session = RatingSession.objects.select_for_update(of=("self",)).select_related("subject").get(pk=session.pk)
    if not reason.strip():
        raise ChangeRefused("Give a reason: it stays in the history.")
    if session.state == RatingSession.State.SET_ASIDE or study.archived_at:
        raise ChangeRefused("This session is set aside already, or the study is archived.")
    session.state = RatingSession.State.SET_ASIDE
    session.save(update_fields=["state"])
    note(study, Action.REOPENED, actor, reason.strip(), session=session)


@transaction.atomic
def import_ratings(study: Study, stream: IO[bytes], text: str, actor: User) -> SealedRatings:
    """Check a table of ratings that were collected elsewhere and store it sealed.

    Where the study has images, the table may name no others. Raises scoring's InvalidRatings with every fault by line.
    """
    content = stream.read()
    ratings = read_ratings(content, scale=(study.scale_low, study.scale_high))
    known = set(study.images.values_list("name", flat=True))
    strange = [name for name in ratings.images if known and name not in known]
    if strange:
        faults = ProblemLog()
        for name in strange:
            faults.add("unknown_name", f"{quoted(name)} is no image of this study", None, "Correct it or leave it out.")
        raise InvalidRatings(faults.report(rows=len(ratings)))
    return store_sealed(study, SealedRatings.Kind.IMPORT, content, ratings, actor=actor, text=text)


def store_sealed(
    study: Study, kind: SealedRatings.Kind, content: bytes, counts: Any, *, actor: User | None, text: str = ""
) -> SealedRatings:
    """Seal `content` and store it; `counts` has the ratings (`len`), `subjects` and `images` in it."""
    sealed = sealing.seal(content)
    row = SealedRatings(
        study=study,
        kind=kind,
        sealed_sha256=hashlib.sha256(sealed).hexdigest(),
        rows=len(counts),
        subjects=len(counts.subjects),
        images=len(counts.images),
        note=text[:300],
        added_by=actor,
    )
    row.sealed.save(f"{row.pk}.sealed", ContentFile(sealed), save=False)
    row.save()
    action = Action.IMPORTED if kind == SealedRatings.Kind.IMPORT else Action.ARCHIVED
    note(study, action, actor, f"ratings: {row.rows:,}, subjects: {row.subjects}")
    return row


@transaction.atomic
def withdraw(subject: Subject) -> None:
    """A subject takes everything back: link, consent, answers, checks, ratings. The number is not given again.

    What is archived already stays in the archive, under the number alone; the page says so before.
    """
    subject = Subject.objects.select_for_update(of=("self",)).select_related("study").get(pk=subject.pk)
    subject.sessions.all().delete()
    subject.preparations.all().delete()
    subject.token_digest, subject.user, subject.withdrawn_at = "", None, timezone.now()
    subject.consented_at, subject.consent_version, subject.answers = None, 0, []
    subject.save()
    note(subject.study, Action.WITHDRAWN, None, subject.code)
