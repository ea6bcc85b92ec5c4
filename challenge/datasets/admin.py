"""Data files and answer keys in the admin. An answer key is uploaded once, sealed in that request, and never shown.

Afterwards a worker opens and checks it. The first keys of a phase then come into force by themselves; once files are
scored, a rescoring has to bring the new key into force.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from challenge.contests.admin import OrganiserAdmin
from challenge.core.downloads import safe_file_name
from challenge.core.work import State
from challenge.datasets.models import AnswerKey, DataFile, DataFileVersion, RatingTable
from challenge.datasets.services import (
    add_answer_key,
    add_data_file,
    add_rating_table,
    add_version,
    columns_lacking,
    further_columns,
)
from challenge.submissions.models import Evaluation
from scoring.answer_key import InvalidAnswerKey, read_answer_key
from scoring.ratings import InvalidRatings, read_ratings


class AnswerKeyForm(forms.ModelForm):
    """A phase and a CSV `name,mos[,subset columns]`; every error of the file is listed by line."""

    upload = forms.FileField(
        label="Answer key",
        help_text="CSV with the header name,mos and optional subset columns (generator, ...). It is sealed at once "
        "with the workers' public key: nobody can read it here afterwards.",
    )

    class Meta:
        model = AnswerKey
        fields = ("phase", "scale_low", "scale_high")

    def clean(self) -> dict[str, Any]:
        """The ends of the rating scale in their order."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        low, high = values.get("scale_low"), values.get("scale_high")
        if low is not None and high is not None and low >= high:
            self.add_error("scale_high", "The highest MOS possible lies above the lowest.")
        return values

    def clean_upload(self) -> bytes:
        """The bytes of a valid key."""
        content: bytes = self.cleaned_data["upload"].read()
        try:
            table = read_answer_key(content)
        except InvalidAnswerKey as error:
            raise ValidationError(str(error)) from error
        phase = self.cleaned_data.get("phase")
        if phase and (lacking := columns_lacking(phase.formula, further_columns(table))):
            raise ValidationError(
                f"The main score of this phase, {phase.formula}, needs the column {lacking}: add it, or change the "
                "formula."
            )
        return content


@admin.register(AnswerKey)
class AnswerKeyAdmin(OrganiserAdmin):
    """Versions of answer keys, and what the workers found in them."""

    challenge_path = "phase__challenge"
    form = AnswerKeyForm
    service_records = True
    may_change = False
    list_display = ("phase", "version", "is_current", "checked", "rows", "subset_columns", "uploaded_by", "created_at")
    list_select_related = ("phase__challenge", "uploaded_by", "check_run")
    fields = (
        "phase",
        "version",
        "is_current",
        "checked",
        "rows",
        "scale_low",
        "scale_high",
        "subset_columns",
        "further_columns",
        "sealed_sha256",
        "uploaded_by",
        "created_at",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The upload form for a new key, the public facts of an old one."""
        return self.fields if obj else ("phase", "upload", ("scale_low", "scale_high"))

    @admin.display
    def checked(self, key: AnswerKey) -> str:
        """What a worker found, in sentences; why it is not done yet, or why the key cannot be used."""
        run = getattr(key, "check_run", None)
        if run is None:
            return "Not checked."
        return (
            " ".join(run.findings) if run.state == State.DONE else f"{run.get_state_display()}. {run.failure}".strip()
        )

    def save_model(self, request: HttpRequest, obj: AnswerKey, form: Any, change: bool) -> None:
        """Seal and store through the service; the admin's own instance becomes the stored row."""
        key = add_answer_key(
            phase=obj.phase,
            content=form.cleaned_data["upload"],
            actor=request.user,  # type: ignore[arg-type]
            scale=(obj.scale_low, obj.scale_high),
        )
        obj.pk, obj.version, obj._state.adding = key.pk, key.version, False
        if Evaluation.objects.filter(submission__phase=obj.phase).exists():
            page = reverse("rescoring", args=[obj.phase.challenge.slug, obj.phase.slug])
            text = "Files of this phase are scored. To bring this key into force, score them again: {}"
            self.message_user(request, format_html(text, format_html('<a href="{}">Rescoring</a>', page)))


class RatingTableForm(forms.ModelForm):
    """A phase and a CSV `subject,image,session,rating`; every error of the file is listed by line."""

    upload = forms.FileField(
        label="Ratings",
        help_text="CSV with the header subject,image,session,rating, one row a rating. It is sealed at once with the "
        "workers' public key. The board then shows the noise ceiling: how well any metric could do.",
    )

    class Meta:
        model = RatingTable
        fields = ("phase",)

    def clean_upload(self) -> bytes:
        """The bytes of a valid table."""
        content: bytes = self.cleaned_data["upload"].read()
        try:
            read_ratings(content)
        except InvalidRatings as error:
            raise ValidationError(str(error)) from error
        return content


@admin.register(RatingTable)
class RatingTableAdmin(OrganiserAdmin):
    """Raw ratings, for the noise ceiling. The newest of a phase counts."""

    challenge_path = "phase__challenge"
    form = RatingTableForm
    service_records = True
    may_change = False
    may_delete = True
    list_display = ("phase", "subjects", "images", "rows", "uploaded_by", "created_at")
    list_select_related = ("phase__challenge", "uploaded_by")
    fields = ("phase", "subjects", "images", "rows", "sealed_sha256", "uploaded_by", "created_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The upload form for new ratings, the public facts of old ones."""
        return self.fields if obj else ("phase", "upload")

    def save_model(self, request: HttpRequest, obj: RatingTable, form: Any, change: bool) -> None:
        """Seal and store through the service; the admin's own instance becomes the stored row."""
        table = add_rating_table(phase=obj.phase, content=form.cleaned_data["upload"], actor=request.user)  # type: ignore[arg-type]
        obj.pk, obj._state.adding = table.pk, False


class DataFileForm(forms.ModelForm):
    """A data file; an upload becomes its next version, whose size and checksum are computed."""

    upload = forms.FileField(required=False, label="File")
    note = forms.CharField(
        required=False,
        max_length=300,
        label="What changed",
        help_text="For those who have the version before.",
        widget=forms.TextInput(attrs={"size": 80}),
    )

    class Meta:
        model = DataFile
        fields = (
            "challenge",
            "title",
            "description",
            "file_name",
            "licence",
            "audience",
            "phase",
            "available_from",
            "position",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_new = self.instance._state.adding
        self.fields["upload"].required = is_new
        if not is_new:
            self.fields["upload"].help_text = "A new file becomes the next version; the earlier ones stay available."
        if "file_name" in self.fields:
            self.fields["file_name"].required = False
            self.fields[
                "file_name"
            ].help_text = "The name a download gets; empty: as before, at first the name of the file you choose."

    def clean(self) -> dict[str, Any]:
        """Fill the download's name in; a note belongs to an upload."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        upload = values.get("upload")
        if not values.get("file_name"):
            values["file_name"] = self.instance.file_name or (safe_file_name(upload.name)[-200:] if upload else "")
        if values.get("note") and not upload and "upload" not in self.errors:
            self.add_error("note", "The note is stored with a new file: choose one.")
        return values


class DataFileVersionInline(admin.TabularInline):
    """The versions there are, to read."""

    model = DataFileVersion
    extra = 0
    can_delete = False
    fields = ("number", "size", "sha256", "note", "uploaded_by", "created_at")
    readonly_fields = fields

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the data file."""
        return bool(request.user.is_staff)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never here: a version is made by an upload."""
        return False


@admin.register(DataFile)
class DataFileAdmin(OrganiserAdmin):
    """What participants download."""

    form = DataFileForm
    may_delete = True
    list_display = ("title", "challenge", "file_name", "audience", "phase", "available_from")
    list_filter = (("challenge", admin.RelatedOnlyFieldListFilter), "audience")
    list_select_related = ("challenge", "phase__challenge")
    readonly_fields = ("path_in_release", "created_at")
    inlines = (DataFileVersionInline,)

    def save_model(self, request: HttpRequest, obj: DataFile, form: Any, change: bool) -> None:
        """Through the service where a file came with the form."""
        content, note, actor = form.cleaned_data["upload"], form.cleaned_data["note"], request.user
        if not change:
            add_data_file(data_file=obj, content=content, note=note, actor=actor)  # type: ignore[arg-type]
            return
        super().save_model(request, obj, form, change)
        if content:
            add_version(data_file=obj, content=content, note=note, actor=actor)  # type: ignore[arg-type]
