"""The forms of a fact sheet, which the API fills too, and those of the organisers' report page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.validators import URLValidator

from challenge.core.text import visible_text
from challenge.reports.models import DEFAULT_TOLERANCE, Collection, FactSheet
from challenge.reports.services import AUTHOR_FIELDS, FIELDS

MOST_AUTHORS = 60
EMPTY_ROWS = 3
YES_NO = [("", "Not stated"), ("False", "No"), ("True", "Yes")]


class VisibleText(forms.CharField):
    """Text without characters that cannot be seen; on one line unless it may have `lines`. Lengths count after that."""

    def __init__(self, *, lines: int = 1, **options: Any) -> None:
        self.is_long = lines > 1
        if self.is_long:
            options["widget"] = forms.Textarea(attrs={"rows": lines})
        super().__init__(required=False, **options)

    def to_python(self, value: Any) -> str:
        """What is stored."""
        text = visible_text(super().to_python(value) or "", keep="\n\t" if self.is_long else "")
        return text.strip() if self.is_long else " ".join(text.split())


def _yes_no(label: str) -> forms.NullBooleanField:
    return forms.NullBooleanField(required=False, label=label, widget=forms.Select(choices=YES_NO))


class SheetForm(forms.Form):
    """The fields of a sheet; everything may be empty, `completeness` asks for the rest before it is submitted."""

    team_title = VisibleText(max_length=120, label="Team, as it is printed")
    method_name = VisibleText(max_length=120, label="Method")
    description = VisibleText(
        max_length=6000,
        lines=10,
        label="Description of the method",
        help_text="Plain text, printed as it is; a blank line begins a paragraph.",
    )
    runtime_s = forms.FloatField(required=False, max_value=1_000_000, label="Seconds per image")
    device = VisibleText(max_length=120, label="CPU or GPU")
    parameters_m = forms.FloatField(required=False, min_value=0, max_value=100_000_000, label="Parameters [millions]")
    training_data = VisibleText(max_length=1000, lines=3, label="Training data", help_text="All of it, by name.")
    extra_data = _yes_no("Data beyond the challenge's own")
    ensemble = _yes_no("Ensemble")
    ensemble_details = VisibleText(max_length=500, label="What the ensemble is made of")
    code_url = forms.URLField(
        required=False,
        max_length=300,
        assume_scheme="https",
        label="Link to the code",
        validators=[URLValidator(schemes=["https"])],
        error_messages={"invalid": "Give a link that begins with https://."},
    )
    reference_title = VisibleText(max_length=300, label="Title")
    reference_authors = VisibleText(
        max_length=500, label="Authors", help_text="Parted by semicolons. Empty: those of the method."
    )
    reference_venue = VisibleText(max_length=200, label="Where it appeared")
    reference_year = forms.IntegerField(required=False, min_value=1900, max_value=2200, label="Year")
    attachment = forms.FileField(required=False, label="Attach a file", allow_empty_file=True)
    removed = forms.MultipleChoiceField(required=False, label="Remove when saving", widget=forms.CheckboxSelectMultiple)
    version = forms.IntegerField(required=False, min_value=0, max_value=10**9, widget=forms.HiddenInput)

    def __init__(self, *args: Any, sheet: FactSheet | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        files = sheet.attachments.all() if sheet else ()
        self.fields["removed"].choices = [(str(file.pk), file.name) for file in files]  # type: ignore[attr-defined]

    def clean_runtime_s(self) -> float | None:
        """A method that takes no time has not been measured."""
        runtime: float | None = self.cleaned_data["runtime_s"]
        if runtime is not None and runtime <= 0:
            raise forms.ValidationError("Give the seconds for one image, more than 0.")
        return runtime

    def values(self) -> dict[str, Any]:
        """What `services.save_sheet` takes, once the form is valid."""
        return {name: self.cleaned_data[name] for name in FIELDS}


class AuthorForm(forms.Form):
    """One author. A row without any text is no author."""

    name = VisibleText(max_length=120, label="Name")
    affiliation = VisibleText(max_length=300, label="Affiliations")
    email = forms.EmailField(required=False, label="E-mail")

    def clean(self) -> dict[str, Any]:
        """An affiliation or an address is somebody's."""
        values = super().clean() or {}
        if (values.get("affiliation") or values.get("email")) and not values.get("name") and "name" not in self.errors:
            self.add_error("name", "Give the name, or clear the row.")
        return values


class AuthorRows(forms.BaseFormSet):
    """The authors in their order."""

    def rows(self) -> list[dict[str, str]]:
        """Those with a name, as `services.save_sheet` takes them, once the forms are valid."""
        found = [{name: form.cleaned_data.get(name, "") for name in AUTHOR_FIELDS} for form in self.forms]
        return [row for row in found if row["name"]]


AuthorFormSet: Any = forms.formset_factory(
    AuthorForm, formset=AuthorRows, extra=EMPTY_ROWS, max_num=MOST_AUTHORS, absolute_max=MOST_AUTHORS
)


def shown_forms(sheet: FactSheet | None, initial: Mapping[str, Any]) -> tuple[SheetForm, Any]:
    """The forms as they begin: with what is saved, else with `initial`."""
    if sheet is None:
        return SheetForm(initial={**initial, "version": 0}), AuthorFormSet(prefix="authors")
    values = {name: getattr(sheet, name) for name in (*FIELDS, "version")}
    authors = list(sheet.authors.values(*AUTHOR_FIELDS))
    return SheetForm(sheet=sheet, initial=values), AuthorFormSet(prefix="authors", initial=authors)


def form_data(values: Mapping[str, Any], authors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The same values as a browser would send them, for programs that have them as JSON."""
    rows = {f"authors-{place}-{name}": row[name] for place, row in enumerate(authors) for name in AUTHOR_FIELDS}
    return {**values, **rows, "authors-TOTAL_FORMS": len(authors), "authors-INITIAL_FORMS": 0}


class CollectionForm(forms.Form):
    """Until when sheets are collected, and how exactly methods are to be reproduced."""

    closes_at = forms.DateTimeField(
        required=False,
        label="Closes at, UTC",
        help_text="Empty: until you close it.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"),
    )
    tolerance = forms.FloatField(
        min_value=0,
        max_value=10**6,
        label="Tolerance of reproductions",
        help_text="How far the main score of a reproduced file may be from that of the submitted one.",
    )

    def __init__(self, collection: Collection | None, data: Any = None) -> None:
        shown = collection or Collection(tolerance=DEFAULT_TOLERANCE)
        super().__init__(data, initial={"closes_at": shown.closes_at, "tolerance": shown.tolerance})

    def clean_tolerance(self) -> float:
        """A number."""
        tolerance: float = self.cleaned_data["tolerance"]
        if not math.isfinite(tolerance):
            raise forms.ValidationError("Give a number.")
        return tolerance


class ReproductionForm(forms.Form):
    """The file that a team's code gave."""

    file = forms.FileField(
        label="Reproduced prediction file",
        help_text="The same format as a submission: CSV, or a zip with one.",
        error_messages={"empty": "The file is empty: it has no line name,score."},
    )
    note = VisibleText(max_length=300, label="Note", help_text="«Docker image of the team, RTX 4090, seed 0».")
