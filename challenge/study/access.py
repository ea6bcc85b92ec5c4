"""Who may see which study (part of the permission layer in `contests.access`). Default deny.

Organisers of the challenge run its studies. A subject is known by its link: the browser that opened it holds the
subject's id in its session, until the link is renewed or the subject withdraws.
"""

from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from challenge.contests.access import Viewer, is_organiser, organised_challenges, registration_of
from challenge.study.models import RatingSession, Study, Subject

SESSION_KEY = "study_subjects"  # {study id: [subject id, token digest]}


def organised_study(user: Viewer, challenge: str, study_id: UUID) -> Study:
    """The study, if `user` organises its challenge; Http404 otherwise."""
    studies = Study.objects.select_related("challenge").filter(challenge__in=organised_challenges(user))
    found: Study = get_object_or_404(studies, pk=study_id, challenge__slug=challenge)
    return found


def takes_part_otherwise(user: Viewer, study: Study) -> bool:
    """Whether `user` runs or takes part in the challenge, and so must not rate its images."""
    return is_organiser(user, study.challenge) or registration_of(user, study.challenge) is not None


def remember(request: HttpRequest, subject: Subject) -> None:
    """Let this browser be the subject's."""
    known = dict(request.session.get(SESSION_KEY, {}))
    known[str(subject.study_id)] = [str(subject.pk), subject.token_digest]
    request.session[SESSION_KEY] = known


def subject_of(request: HttpRequest, study_id: UUID) -> Subject:
    """The subject that this browser is in a study; Http404 where it is none or its link works no more."""
    pk, digest = request.session.get(SESSION_KEY, {}).get(str(study_id), (None, None))
    if pk is None:
        raise Http404
    subjects = Subject.objects.select_related("study__challenge").filter(withdrawn_at=None, token_digest=digest)
    found: Subject = get_object_or_404(subjects, pk=pk, study=study_id)
    return found


def session_of(request: HttpRequest, session_id: UUID) -> RatingSession:
    """A session of the subject that this browser is; Http404 otherwise."""
    pairs = request.session.get(SESSION_KEY, {}).values()
    mine = dict(pairs)
    rows = RatingSession.objects.select_related("subject__study__challenge")
    found: RatingSession = get_object_or_404(rows, pk=session_id, subject__in=mine, subject__withdrawn_at=None)
    if mine[str(found.subject_id)] != found.subject.token_digest:
        raise Http404
    return found
