"""The reconciler of jobs: whatever is unfinished is called for within a minute (invariant 1)."""

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from challenge.core import work
from challenge.jobs import tasks, worker
from challenge.jobs.claims import free_items, in_hand
from challenge.jobs.folders import orphans, remove_folder
from challenge.jobs.models import Job, JobItem
from challenge.jobs.states import JobState

log = structlog.get_logger(__name__)

DIED = "The worker was lost each time it had this in hand: out of memory, killed, or it hung."


def reconcile() -> int:
    """Give up what was tried too often, end what was cancelled, call a worker if none has anything in hand; how many
    calls.

    One call is enough: whoever takes a batch calls the next worker. More would stay in the queue for ever.
    """
    now = timezone.now()
    _give_up()
    for job in Job.objects.filter(state=JobState.CANCELLING):
        worker.settle(job)
    for name in orphans({str(pk) for pk in Job.objects.values_list("pk", flat=True)}):
        remove_folder(name)
    if JobItem.objects.filter(state=JobItem.State.RUNNING, lease_expires_at__gte=now).exists():
        return 0
    for job in _active().filter(next_ring_at__lte=now):
        if _has_work(job):
            return int(work.ring(Job, tasks.work, job.pk, job.rings))
    return 0


def _active() -> QuerySet[Job]:
    return Job.objects.filter(state__in=(JobState.WAITING, JobState.RUNNING)).order_by("-priority", "created_at")


def _give_up() -> None:
    spent = JobItem.objects.filter(
        state=JobItem.State.RUNNING,
        lease_expires_at__lt=timezone.now(),
        attempts__gte=settings.SCORING_MAX_ATTEMPTS,
    )
    given_up = spent.update(state=JobItem.State.FAILED, problem=DIED, finished_at=timezone.now(), **work.FREED)
    if given_up:
        log.warning("items given up: their worker was lost each time", items=given_up)


def _has_work(job: Job) -> bool:
    """Whether a worker would find a batch or a stage to end: that is, unless others hold all that is left."""
    return not job.stage or free_items(job).exists() or not in_hand(job).exists()
