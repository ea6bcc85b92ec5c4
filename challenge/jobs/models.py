"""A Job is work of hours that admins start; a JobItem is one piece of it, mostly one image, and its result.

The job carries the bell (`core.work.Rung`), its items carry the leases (`core.work.Lease`): workers are called for a
job and take a batch of its items. Items with one `key` are one batch, always: what a batch is made of decides, in the
last bits, what its images look like, so a batch that was lost is done again as it was.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from challenge.core.work import Lease, Rung
from challenge.jobs.states import ACTIVE, JobState


class Job(Rung):
    """One run of a kind with its parameters. `stage` is the one whose items are there, "" before the first.

    `priority` puts short work before long; of equals the older goes first. `failure` says why it stopped, for people.
    Its files are in `folders.folder_of(pk)`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.SlugField(max_length=40)
    title = models.CharField(max_length=120)
    parameters = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    stage = models.CharField(max_length=20, blank=True)
    priority = models.SmallIntegerField(default=0)
    failure = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        default_permissions: ClassVar = []
        permissions: ClassVar = [("run_jobs", "Can start, watch and steer jobs")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=("done", "cancelled", "failed"), finished_at__isnull=False)
                | (~Q(state__in=("done", "cancelled", "failed")) & Q(finished_at=None)),
                name="job_over_has_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_ring_at"], condition=Q(state__in=sorted(ACTIVE)), name="job_active"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Its own page, for admins."""
        return reverse("job", args=[self.pk])


class JobItem(Lease):
    """One piece of a stage: what to do in `parameters`, what came of it in `result`, or why nothing did in `problem`.

    `cost` is how much work it is compared with the others of its stage (steps times pixels, say): for the time left.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "In hand"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Left out"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    stage = models.CharField(max_length=20)
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=120)
    group = models.CharField(max_length=60, blank=True)
    cost = models.FloatField(default=1.0)
    parameters = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    result = models.JSONField(default=dict)
    problem = models.TextField(blank=True)
    asked = models.BooleanField(default=False, help_text="The job was paused for it, for people to decide something.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["job", "stage", "position"]
        default_permissions: ClassVar = []
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "stage", "position"], name="job_item_once_per_position"),
            models.CheckConstraint(
                condition=Q(state="running", lease_token__isnull=False, lease_expires_at__isnull=False)
                | (Q(state__in=("waiting", "done", "failed", "skipped")) & Q(lease_token=None, lease_expires_at=None)),
                name="job_item_lease_while_running",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(problem=""), name="job_item_failed_says_why"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["job", "stage", "state", "position"], name="job_item_by_state"),
            models.Index(fields=["job", "stage", "key"], name="job_item_by_key"),
            models.Index(fields=["lease_token"], condition=Q(state="running"), name="job_item_in_hand"),
            models.Index(fields=["job", "stage", "-finished_at"], name="job_item_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.position}"

    @property
    def label(self) -> str:
        """What people call it: the name of its image or file, else its position."""
        return str(self.parameters.get("name") or self.position)

    @property
    def caption(self) -> str:
        """What its image is meant to show."""
        return str(self.parameters.get("prompt") or self.label)


class JobEvent(models.Model):
    """What happened to a job: a change of its state, or, with both states equal, something worth knowing."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    text = models.CharField(max_length=1000)

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        default_permissions: ClassVar = []

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.text}"


class Doubt(models.Model):
    """A prompt on which the judge of a job was unsure, and what a person decided: allow, block, or nothing yet.

    `prompt_sha256` identifies it within its job: prompts are longer than an index takes.
    """

    class Decision(models.TextChoices):
        UNDECIDED = "", "Undecided"
        ALLOW = "allow", "Accepted"
        BLOCK = "block", "Rejected"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="doubts")
    prompt = models.TextField()
    prompt_sha256 = models.CharField(max_length=64)
    category = models.CharField(max_length=40)
    reason = models.TextField(blank=True)
    judge = models.CharField(max_length=200)
    decision = models.CharField(max_length=5, blank=True, choices=Decision)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        default_permissions: ClassVar = []
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "prompt_sha256"], name="doubt_once_per_prompt"),
            models.CheckConstraint(
                condition=Q(decision="", decided_at=None)
                | (Q(decision__in=("allow", "block")) & Q(decided_at__isnull=False)),
                name="doubt_decision_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.prompt[:80]
