"""Where a release goes, and who may have it when."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet

from challenge.contests.models import Challenge, Phase
from challenge.datasets.models import DataFile


class PublicationForm(forms.Form):
    """`job` is the finished job whose release it is. Choices are the challenges that the viewer runs."""

    challenge = forms.ModelChoiceField(queryset=Challenge.objects.none(), empty_label=None)
    audience = forms.ChoiceField(choices=DataFile.Audience.choices, initial=DataFile.Audience.PARTICIPANTS)
    phase = forms.ModelChoiceField(
        queryset=Phase.objects.none(), required=False, label="Not before this phase opens", empty_label="At once"
    )
    hidden = forms.BooleanField(
        required=False,
        label="Also splits whose MOS are not published",
        help_text="Their images and prompts, never a MOS. Choose a phase then, unless nobody has rated anything yet.",
    )

    def __init__(
        self, data: Any = None, *, job: UUID | None = None, challenges: QuerySet[Challenge] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.job = job
        offered = Challenge.objects.none() if challenges is None else challenges
        fields: dict[str, Any] = self.fields
        fields["challenge"].queryset = offered
        fields["phase"].queryset = Phase.objects.filter(challenge__in=offered).select_related("challenge")

    def clean(self) -> dict[str, Any]:
        """The phase is one of the challenge."""
        cleaned = super().clean() or {}
        phase, challenge = cleaned.get("phase"), cleaned.get("challenge")
        if phase and challenge and phase.challenge_id != challenge.pk:
            self.add_error("phase", "Choose a phase of the same challenge.")
        return {**cleaned, "job": self.job}
