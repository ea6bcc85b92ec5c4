"""Forms of the desk."""

from typing import Any

from django import forms
from django.utils import timezone

from challenge.contests.models import Challenge, Phase
from challenge.submissions.models import Submission
from challenge.submissions.quota import MOST_GRANTED, utc_day

MOST_AT_ONCE = 500
ACTIONS = {"again": "Score again", "withdraw": "Withdraw"}


class BulkForm(forms.Form):
    """What to do to which submissions of a challenge, and why."""

    chosen = forms.ModelMultipleChoiceField(
        Submission.objects.none(), error_messages={"required": "Choose at least one submission."}
    )
    action = forms.ChoiceField(choices=list(ACTIONS.items()))
    reason = forms.CharField(max_length=300, label="Reason", help_text="Kept in the audit log.")

    def __init__(self, challenge: Challenge, data: Any, *, is_confirmed: bool) -> None:
        super().__init__(data)
        field: Any = self.fields["chosen"]
        rows = Submission.objects.filter(phase__challenge=challenge)
        field.queryset = rows.select_related("team", "phase__challenge").order_by("received_at", "pk")
        self.fields["reason"].required = is_confirmed

    def clean_chosen(self) -> Any:
        """Not more than one request can do."""
        rows = self.cleaned_data["chosen"]
        if len(rows) > MOST_AT_ONCE:
            raise forms.ValidationError(f"Choose at most {MOST_AT_ONCE} submissions.")
        return rows


class GrantForm(forms.Form):
    """Submissions beyond a team's quota."""

    phase = forms.ModelChoiceField(Phase.objects.none(), empty_label=None, label="Phase")
    slots = forms.IntegerField(min_value=1, max_value=MOST_GRANTED, label="Extra submissions")
    day = forms.DateField(
        label="On the UTC day",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="A daily quota is raised on this day only; the quota of the whole phase for good.",
    )
    reason = forms.CharField(max_length=300, label="Reason", help_text="The team reads it.")

    def __init__(self, challenge: Challenge, data: Any = None) -> None:
        super().__init__(data, initial={"day": utc_day(timezone.now()).isoformat(), "slots": 1})
        field: Any = self.fields["phase"]
        field.queryset = challenge.phases.all()
        field.label_from_instance = lambda phase: phase.title


class NoteForm(forms.Form):
    """A note on a team."""

    text = forms.CharField(
        max_length=2000,
        label="Note",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For organisers only; the team never sees it.",
    )
