"""Which metrics, on the images of which phase, and where those are."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import FileExtensionValidator
from django.db.models import QuerySet

from challenge.contests.models import Challenge
from challenge.datasets.models import DataFile
from challenge.jobs.baselines.offers import OfferedMetric, offered_metrics, phase_choices, source_choices
from challenge.jobs.baselines.sources import read_prompts
from challenge.jobs.database.form import DEVICES


class MetricChoice(forms.CheckboxSelectMultiple):
    """Check boxes that the page puts beside what each metric needs; those that cannot run cannot be chosen."""

    def __init__(self, offered: list[OfferedMetric]) -> None:
        super().__init__(choices=[(one.info.name, one.info.name) for one in offered])
        self.offered = {one.info.name: one for one in offered}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Each with its offer."""
        offer = self.offered[str(value)]
        option: dict[str, Any] = {**super().create_option(name, value, *args, **kwargs), "offer": offer}
        if offer.problem:
            option["attrs"]["disabled"] = True
        return option


class BaselinesForm(forms.Form):
    """`challenges`: those whose phases are offered, and the zip files of their data pages."""

    template = "jobs/baselines_form.html"

    phase = forms.ChoiceField(label="Phase", help_text="The names of its answer key say which images are scored.")
    source = forms.ChoiceField(
        label="Images",
        help_text="Finished database jobs, zip files of data pages, and the folders that the server's settings name.",
    )
    prompts = forms.FileField(
        required=False,
        label="Prompts",
        validators=[FileExtensionValidator(["csv"])],
        help_text="A CSV with the columns name and prompt. Empty: the one beside the images.",
    )
    metrics = forms.MultipleChoiceField(label="Metrics")
    device = forms.ChoiceField(choices=DEVICES, label="Device")

    def __init__(self, data: Any = None, files: Any = None, *, challenges: QuerySet[Challenge]) -> None:
        super().__init__(data, files)
        self.offered = offered_metrics()
        fields: dict[str, Any] = self.fields
        fields["phase"].choices = phase_choices(challenges)
        fields["source"].choices = source_choices(challenges)
        fields["metrics"].widget = MetricChoice(self.offered)
        fields["metrics"].choices = [(one.info.name, one.info.title) for one in self.offered]

    @property
    def lacking(self) -> int:
        """How many metrics cannot run."""
        return sum(bool(one.problem) for one in self.offered)

    def clean_metrics(self) -> list[str]:
        """Only metrics that can run."""
        chosen: list[str] = self.cleaned_data["metrics"]
        for offer in self.offered:
            if offer.problem and offer.info.name in chosen:
                raise forms.ValidationError(f"{offer.info.title}: {offer.problem}. {offer.command}")
        return chosen

    def clean_prompts(self) -> Any:
        """A file that has prompts."""
        upload = self.cleaned_data["prompts"]
        if upload:
            if not read_prompts(upload.read().decode("utf-8-sig", "replace")):
                raise forms.ValidationError("The file has no columns name and prompt, or no row.")
            upload.seek(0)
        return upload

    def clean(self) -> dict[str, Any]:
        """A zip is of the challenge whose phase it is."""
        cleaned = super().clean() or {}
        kind, _, file_id = str(cleaned.get("source", "")).partition(":")
        if kind == "file" and "phase" in cleaned:
            same = DataFile.objects.filter(pk=file_id, challenge__phases=cleaned["phase"])
            if not same.exists():
                self.add_error("source", "Choose a file of the phase's challenge.")
        return cleaned
