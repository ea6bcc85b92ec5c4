"""What is changed in the stock admin goes to the audit log: a mixin for every ModelAdmin that can change something."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest

from challenge.audit.models import Act
from challenge.audit.services import record

HIDDEN = "(not kept)"
Values = dict[str, Any]


class AuditedAdmin(admin.ModelAdmin):
    """Records what is added, changed and deleted, with the values of settings before and after.

    `without_values` names fields of which only the fact of the change is kept: personal data. Files and binary fields
    never are. `service_records` is for admins whose services write the log themselves. `challenge_path` is that of
    OrganiserAdmin; empty where rows belong to no challenge.
    """

    challenge_path: str = ""
    without_values: tuple[str, ...] = ()
    service_records = False

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """The one call that Django makes after every saved form, in its transaction: of a new row, a changed row, a
        row of an editable list, a new password."""
        if not self.service_records:
            subject = getattr(form, "instance", None) or form.user
            self._record(request, Act.SETTINGS_ADDED if add else Act.SETTINGS_CHANGED, subject, form)
            for formset in formsets or ():
                for inner in formset.forms:
                    if inner in formset.deleted_forms:
                        self._record(request, Act.SETTINGS_DELETED, inner.instance, None, subject)
                    elif inner.has_changed():
                        act = Act.SETTINGS_CHANGED if inner in formset.initial_forms else Act.SETTINGS_ADDED
                        self._record(request, act, inner.instance, inner, subject)
        message: list[dict[str, Any]] = super().construct_change_message(request, form, formsets, add)
        return message

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        """With its entry."""
        self._delete(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """With their entries."""
        self._delete(request, list(queryset))

    def _delete(self, request: HttpRequest, rows: Iterable[models.Model]) -> None:
        with transaction.atomic():
            for row in rows:
                self._record(request, Act.SETTINGS_DELETED, row, None)
                row.delete()

    def _record(
        self, request: HttpRequest, act: Act, subject: models.Model, form: Any, parent: models.Model | None = None
    ) -> None:
        before, after = self._values(form) if form else ({}, {})
        if act == Act.SETTINGS_CHANGED and not after:
            return
        person: Any = subject if subject._meta.label == "accounts.User" else getattr(subject, "user", None)
        record(
            request.user,  # type: ignore[arg-type]
            act,
            subject,
            challenge=self._challenge_of(parent or subject),
            name=str(subject._meta.verbose_name) if person else "",
            person=person,
            before={} if act == Act.SETTINGS_ADDED else before,
            after=after,
        )

    def _challenge_of(self, row: Any) -> Any:
        for name in self.challenge_path.split("__") if self.challenge_path not in ("", "pk") else ():
            row = getattr(row, name)
        return row if self.challenge_path else None

    def _values(self, form: Any) -> tuple[Values, Values]:
        """What the changed fields held and hold, as JSON values."""
        before: Values = {}
        after: Values = {}
        for name in form.changed_data:
            if name == "DELETE":
                continue
            is_file = isinstance(form.fields.get(name), forms.FileField)
            if is_file or name in self.without_values or name.startswith("password"):
                before[name], after[name] = HIDDEN, HIDDEN
            else:
                before[name], after[name] = _plain(form.initial.get(name)), _plain(form.cleaned_data.get(name))
        return before, after


def _plain(value: Any) -> Any:
    """A form's value as JSON has it; rows by what they are called in forms: their keys."""
    if isinstance(value, models.Model):
        return str(value.pk)
    if isinstance(value, models.QuerySet | list | tuple):
        return sorted(str(_plain(item)) for item in value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
