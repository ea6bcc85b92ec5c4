"""Who has to do which check or training before the first session, and how often one may try."""

from challenge.study.models import Study, StudyImage, Subject
from challenge.study.records import Preparation

Kind = Preparation.Kind
Check = Study.Check
MOST_ATTEMPTS = 3  # of a check that must be passed


def requirement(study: Study, kind: str) -> str:
    """One of Study.Check. Training is recorded where there are anchors and the study wants some."""
    if kind == Kind.TRAINING:
        wanted = study.training_images and study.images.filter(role=StudyImage.Role.ANCHOR).exists()
        return Check.RECORD if wanted else Check.OFF
    return str(getattr(study, f"{kind}_check"))


def required(study: Study) -> list[str]:
    """The kinds that subjects of a study go through, in order."""
    return [kind for kind in Kind.values if requirement(study, kind) != Check.OFF]


def pending(subject: Subject) -> list[str]:
    """What a subject still has to do before the first session; nothing for one who has started."""
    if subject.sessions.exists():
        return []
    kinds = required(subject.study)
    if not kinds:
        return []
    finished = list(subject.preparations.exclude(finished_at=None).values_list("kind", "passed"))
    passed = {kind for kind, is_passed in finished if is_passed}
    done = {kind for kind, _ in finished}
    return [kind for kind in kinds if kind not in (passed if requirement(subject.study, kind) == Check.PASS else done)]


def attempts_left(subject: Subject, kind: str) -> int:
    """How often a subject may still try; training may be repeated at will."""
    if kind == Kind.TRAINING:
        return 1
    done = list(subject.preparations.filter(kind=kind).exclude(finished_at=None).values_list("passed", flat=True))
    if any(done) or requirement(subject.study, kind) != Check.PASS:
        return 0 if done else 1
    return MOST_ATTEMPTS - len(done)
