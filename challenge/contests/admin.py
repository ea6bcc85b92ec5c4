"""The organisers' desk in the stock admin: challenges, their phases and answer keys, teams and registrations.

Staff who are not superusers see and change only the challenges they organise; every list goes through `organised`.
"""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import DateTimeField, Model, QuerySet, TextField
from django.http import HttpRequest

from challenge.audit.admin import AuditedAdmin
from challenge.contests.access import organised_challenges
from challenge.contests.models import Challenge, Phase, Registration, Team
from challenge.contests.records import RegistrationQuestion
from challenge.contests.services import boards_changed


class InUtc:
    """For admins: the label of each moment names its zone, which is the one that it is read and shown in."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The usual field; "Closes at, UTC" for a moment."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None and isinstance(db_field, DateTimeField):
            field.label = f"{field.label}, UTC"
        return field


class OrganiserAdmin(InUtc, AuditedAdmin):
    """An admin whose rows belong to a challenge, reached by `challenge_path`; staff need no model permissions."""

    challenge_path: str = "challenge"
    may_add = True
    may_change = True
    may_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of the viewer's challenges only."""
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        return rows.filter(**{f"{self.challenge_path}__in": organised_challenges(request.user)})

    def _is_staff(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """All staff."""
        return self._is_staff(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows of the viewer's own challenges."""
        return self._is_staff(request) and self._owns(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows of the viewer's own challenges, where this kind of row can change at all."""
        return self.may_change and self._is_staff(request) and self._owns(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """All staff, where this kind of row is made by hand at all."""
        return self.may_add and self._is_staff(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only what is harmless to delete."""
        return self.may_delete and self._is_staff(request) and self._owns(request, obj)

    def _owns(self, request: HttpRequest, obj: Model | None) -> bool:
        return obj is None or request.user.is_superuser or self.get_queryset(request).filter(pk=obj.pk).exists()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Choices of foreign keys are limited to the viewer's challenges."""
        if db_field.related_model is Challenge:
            kwargs["queryset"] = organised_challenges(request.user)
        elif db_field.related_model in (Phase, Team):
            kwargs["queryset"] = db_field.related_model.objects.filter(challenge__in=organised_challenges(request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class QuestionInline(admin.TabularInline):
    """Registration questions on the challenge's page. Answers keep the text that was asked."""

    model = RegistrationQuestion
    extra = 0
    fields = ("position", "text", "help", "kind", "choices", "required")
    formfield_overrides: ClassVar = {TextField: {"widget": forms.Textarea(attrs={"rows": 2, "cols": 24})}}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the challenge."""
        return bool(request.user.is_staff)

    has_change_permission = has_add_permission
    has_view_permission = has_add_permission
    has_delete_permission = has_add_permission


class PhaseInline(InUtc, admin.StackedInline):
    """Phases on the challenge's page."""

    model = Phase
    extra = 0
    show_change_link = True
    fields = (
        ("title", "slug", "position"),
        ("opens_at", "closes_at"),
        ("late_until", "choice_until"),
        ("gate", "gate_minimum"),
        ("daily_quota", "total_quota"),
        ("board_rule", "rank_display"),
        ("formula", "reference_column"),
        ("is_blind", "shows_fit"),
        ("release_rule", "standard_errors", "shown_decimals", "leak_budget_bits"),
        ("public_share", "split_column", "shows_private"),
        "description",
    )
    prepopulated_fields: ClassVar = {"slug": ("title",)}

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A gate is a phase of the challenge whose page this is."""
        if db_field.name == "gate":
            match = request.resolver_match
            kwargs["queryset"] = Phase.objects.filter(challenge=match.kwargs.get("object_id") if match else None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the challenge."""
        return bool(request.user.is_staff)

    has_change_permission = has_add_permission
    has_view_permission = has_add_permission

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only before anybody has submitted: submissions are never lost to a click."""
        return bool(request.user.is_staff) and (
            obj is None or not obj.phases.filter(submissions__isnull=False).exists()
        )


@admin.register(Challenge)
class ChallengeAdmin(OrganiserAdmin):
    """Challenges with their phases. Whoever makes one organises it."""

    challenge_path = "pk"
    without_values = ("allow_list",)
    list_display = ("title", "slug", "is_published", "is_demo", "created_at")
    search_fields = ("title", "slug")
    prepopulated_fields: ClassVar = {"slug": ("title",)}
    filter_horizontal = ("organisers",)
    inlines = (PhaseInline, QuestionInline)
    readonly_fields = ("is_demo",)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        """A member of staff cannot lock themselves out of the challenge they have just saved."""
        super().save_related(request, form, formsets, change)
        if not request.user.is_superuser:
            form.instance.organisers.add(request.user)


@admin.register(Phase)
class PhaseAdmin(OrganiserAdmin):
    """Phases by themselves, for long descriptions and for links from elsewhere."""

    list_display = ("title", "challenge", "opens_at", "closes_at", "state", "is_blind", "has_answer_key")
    list_filter = ("is_blind", "board_rule")
    list_select_related = ("challenge",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A phase stays in its challenge: its teams do."""
        return ("challenge", "board_frozen_at") if obj else ("board_frozen_at",)

    @admin.display(boolean=True, description="answer key")
    def has_answer_key(self, phase: Phase) -> bool:
        """Whether files can be accepted."""
        return phase.answer_keys.filter(is_current=True).exists()


class RegistrationInline(admin.TabularInline):
    """Members on the team's page, to read."""

    model = Registration
    extra = 0
    can_delete = False
    fields = readonly_fields = ("user", "status", "terms_version", "terms_accepted_at")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the team."""
        return bool(request.user.is_staff)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People join by themselves."""
        return False


@admin.register(Team)
class TeamAdmin(OrganiserAdmin):
    """Teams and their members."""

    may_add = False
    list_display = ("name", "challenge", "members", "is_demo", "created_at")
    list_filter = (("challenge", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("name",)
    readonly_fields = ("challenge", "is_demo")
    inlines = (RegistrationInline,)

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        """A new name shows on the boards at once."""
        super().save_model(request, obj, form, change)
        boards_changed(obj.challenge)

    @admin.display
    def members(self, team: Team) -> str:
        """User names."""
        return ", ".join(team.members.values_list("user__username", flat=True))
