"""The form that starts a rescoring."""

from typing import Any

from django import forms

from challenge.contests.models import Phase
from challenge.datasets.models import AnswerKey
from challenge.rescorings.services import usable_keys


class KeyChoice(forms.ModelChoiceField):
    """Versions, the one in force marked."""

    def label_from_instance(self, obj: AnswerKey) -> str:
        """`2 (in force), 4,000 images`."""
        return f"{obj.version}{' (in force)' if obj.is_current else ''}, {obj.rows:,} images"


class StartForm(forms.Form):
    """Which key and formula, and why."""

    answer_key = KeyChoice(
        queryset=AnswerKey.objects.none(),
        empty_label=None,
        label="Answer key",
        help_text="Those that passed the check.",
    )
    formula = forms.CharField(max_length=200, label="Main score")
    reason = forms.CharField(
        max_length=300,
        label="Reason",
        help_text="Stays in the history, for organisers: «MOS of 3 images were swapped».",
    )

    def __init__(self, phase: Phase, data: Any = None) -> None:
        keys = usable_keys(phase)
        super().__init__(data, initial={"answer_key": keys.first(), "formula": phase.formula})
        field: Any = self.fields["answer_key"]
        field.queryset = keys
