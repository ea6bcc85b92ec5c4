"""The audit log: who used which right, when, on what, why, and what a setting was before and after.

Rows are only ever added: neither a saved row nor a query changes or deletes one. The single exception is
`services.forget`, which erasing an account calls. People are foreign keys, so that a name which was erased is gone here
too; before and after hold settings, never a hidden value and never personal data.
"""

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone


class Act(models.TextChoices):
    """What is written down, in the words that organisers read."""

    REGISTRATION_ACCEPTED = "registration_accepted", "Registration accepted"
    REGISTRATION_REJECTED = "registration_rejected", "Registration rejected"
    REGISTRATION_REOPENED = "registration_reopened", "May join again"
    ORGANISER_ADDED = "organiser_added", "Organiser added"
    ORGANISER_REMOVED = "organiser_removed", "Organiser removed"
    CHALLENGE_MADE = "challenge_made", "Challenge made from a file"
    SETTINGS_ADDED = "settings_added", "Added in the administration"
    SETTINGS_CHANGED = "settings_changed", "Changed in the administration"
    SETTINGS_DELETED = "settings_deleted", "Deleted in the administration"
    DEADLINE = "deadline", "Deadline moved"
    FREEZE = "freeze", "Freeze of the board changed"
    KEY_UPLOADED = "key_uploaded", "Answer key uploaded"
    KEY_IN_FORCE = "key_in_force", "Answer key put in force"
    RATINGS_UPLOADED = "ratings_uploaded", "Ratings uploaded"
    RESCORING_STARTED = "rescoring_started", "Rescoring started"
    RESCORING_RETRIED = "rescoring_retried", "Rescoring tried again"
    RESCORING_PUBLISHED = "rescoring_published", "Rescoring published"
    RESCORING_DISCARDED = "rescoring_discarded", "Rescoring discarded"
    REFERENCE_ROW = "reference_row", "Reference row submitted"
    SUBMISSION_AGAIN = "submission_again", "Failed file accepted again"
    SUBMISSION_WITHDRAWN = "submission_withdrawn", "Submission withdrawn by an organiser"
    SUBMISSION_CHOSEN = "submission_chosen", "Submission chosen by an organiser"
    QUOTA_GRANTED = "quota_granted", "Extra submissions granted"
    TEAM_NOTE = "team_note", "Note on a team changed"
    FACT_SHEETS = "fact_sheets", "Collection of fact sheets changed"
    REPRODUCTION = "reproduction", "Reproduced file uploaded"
    EVIDENCE = "evidence", "Evidence of collusion asked for"
    TEAM_RENAMED = "team_renamed", "Team renamed by an organiser"
    MEMBER_REMOVED = "member_removed", "Member removed by an organiser"
    TEAMS_MERGED = "teams_merged", "Teams merged"
    MERGER_ENDED = "merger_ended", "Merger called off by an organiser"
    ANNOUNCEMENT_PUBLISHED = "announcement_published", "Announcement published"
    ANNOUNCEMENT_EDITED = "announcement_edited", "Announcement edited"
    ANNOUNCEMENT_WITHDRAWN = "announcement_withdrawn", "Announcement withdrawn"
    QUESTION_ANSWERED = "question_answered", "Question answered"
    QUESTION_SETTLED = "question_settled", "Question marked as answered"
    QUESTION_PUBLISHED = "question_published", "Question published"
    QUESTION_HIDDEN = "question_hidden", "Question hidden"
    STUDY = "study", "Study changed"
    JOB = "job", "Job changed"
    JOB_DELETED = "job_deleted", "Job deleted"
    ACCOUNT_ERASED = "account_erased", "Account erased"


class LogIsAppendOnly(Exception):
    """Somebody tried to change or delete a row of the audit log."""


class Entries(models.QuerySet["AuditEntry"]):
    """Queries that read and add."""

    def update(self, **_fields: Any) -> NoReturn:
        """Never."""
        raise LogIsAppendOnly

    def delete(self) -> NoReturn:
        """Never."""
        raise LogIsAppendOnly


class AuditEntry(models.Model):
    """One act. `actor` is null for the server itself; `person` is whom the act is about, where it is about somebody.

    `challenge` is null for what belongs to none: jobs, accounts. Then only administrators see the row.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    act = models.CharField(max_length=30, choices=Act)
    challenge = models.ForeignKey(
        "contests.Challenge", null=True, on_delete=models.SET_NULL, related_name="audit_entries"
    )
    kind = models.CharField(max_length=40, help_text="What kind of row it was done to.")
    object_id = models.CharField(max_length=40)
    name = models.CharField(max_length=200, blank=True, help_text="What the row was called then.")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    before = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    after = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    objects = Entries.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-pk"]
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [models.Index(fields=["challenge", "-at"], name="audit_of_challenge")]

    def __str__(self) -> str:
        return f"{self.get_act_display()}: {self.name}"

    def save(self, **kwargs: Any) -> None:
        """Once."""
        if not self._state.adding:
            raise LogIsAppendOnly
        super().save(**kwargs)

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        """Never."""
        raise LogIsAppendOnly

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """(setting, value before, value after) of each setting that is named, in their order."""
        return [(name, self.before.get(name), self.after.get(name)) for name in {**self.before, **self.after}]
