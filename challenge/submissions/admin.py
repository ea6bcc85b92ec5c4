"""Submissions in the admin: to read, to filter; states change through services only."""

from typing import Any

from django.contrib import admin
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest

from challenge.contests.admin import OrganiserAdmin
from challenge.submissions.models import Submission, SubmissionEvent


class EventInline(admin.TabularInline):
    """The history."""

    model = SubmissionEvent
    extra = 0
    can_delete = False
    fields = readonly_fields = ("at", "from_status", "to_status", "actor", "reason")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the submission."""
        return bool(request.user.is_staff)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Events are written by transitions."""
        return False


@admin.register(Submission)
class SubmissionAdmin(OrganiserAdmin):
    """What came in, and where it stands."""

    challenge_path = "phase__challenge"
    may_add = may_change = False
    list_display = ("received_at", "label", "phase", "status", "main_score", "method_name", "file_name", "attempts")
    list_filter = ("status", ("phase", admin.RelatedOnlyFieldListFilter), "kind")
    list_select_related = ("phase__challenge", "team")
    search_fields = ("team__name", "method_name", "sha256", "id")
    date_hierarchy = "received_at"
    inlines = (EventInline,)
    exclude = ("lease_token", "file")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Submission]:
        """With the main score of the current evaluation."""
        current = Max("evaluations__rank_value", filter=Q(evaluations__is_current=True))
        rows: QuerySet[Submission] = super().get_queryset(request)
        return rows.annotate(main_score=current)

    @admin.display(description="main score", ordering="main_score")
    def main_score(self, submission: Any) -> float | None:
        """Nothing where it is undefined."""
        score: float | None = submission.main_score
        return score
