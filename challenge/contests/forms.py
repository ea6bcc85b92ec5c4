"""Forms of the contests pages."""

from typing import Any

from django import forms

from challenge.contests.admission import MAX_ANSWER, field_of
from challenge.contests.configuration import MAX_CHARACTERS
from challenge.contests.models import Challenge, Registration
from challenge.contests.records import RegistrationQuestion


class JoinForm(forms.Form):
    """Joining a challenge: a new team's name, unless an invitation names the team, and the organisers' questions.

    `services.join_challenge` decides and says what is missing, for every way in; browsers are told about the questions.
    """

    team_name = forms.CharField(max_length=60, required=False, label="Team name")
    accepts_terms = forms.BooleanField(required=False, label="I accept the terms")

    def __init__(self, challenge: Challenge, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.question_names = []
        for question in challenge.questions.all():
            name = field_of(question)
            self.fields[name] = _field(question)
            self.question_names.append(name)

    @property
    def questions(self) -> list[forms.BoundField]:
        """The fields of the organisers' questions."""
        return [self[name] for name in self.question_names]

    def arguments(self) -> dict[str, Any]:
        """The form's part of the arguments of `join_challenge`."""
        values = self.cleaned_data
        answers = {name: values.get(name) for name in self.question_names}
        return {"team_name": values["team_name"], "accepts_terms": values["accepts_terms"], "answers": answers}


def _field(question: RegistrationQuestion) -> forms.Field:
    common: dict[str, Any] = {"label": question.text, "help_text": question.help, "required": question.required}
    kinds = RegistrationQuestion.Kind
    field: forms.Field
    if question.kind == kinds.CHECKBOX:
        field = forms.BooleanField(**common)
    elif question.kind == kinds.CHOICE:
        field = forms.ChoiceField(choices=[("", "Choose"), *((c, c) for c in question.choice_list)], **common)
    else:
        field = forms.CharField(max_length=MAX_ANSWER, **common)
    return field


class RegistrationFilter(forms.Form):
    """Which registrations to list."""

    status = forms.ChoiceField(choices=[("", "All"), *Registration.Status.choices], required=False, label="State")
    q = forms.CharField(max_length=100, required=False, label="User, team or address")


class DecisionForm(forms.Form):
    """What to do with the registrations that were ticked. The reason goes into their mail."""

    reason = forms.CharField(max_length=500, required=False, label="Reason", help_text="Sent to them by mail.")
    decision = forms.ChoiceField(choices=[("accept", "Accept"), ("reject", "Reject"), ("again", "May join again")])

    def __init__(self, challenge: Challenge, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"] = forms.ModelMultipleChoiceField(
            queryset=challenge.registrations.all(),
            error_messages={"required": "Tick the registrations you decide on.", "invalid_choice": "Reload the page."},
        )


class OrganiserForm(forms.Form):
    """Somebody who is to organise the challenge too."""

    name = forms.CharField(max_length=254, label="User name or e-mail address")


class ConfigurationForm(forms.Form):
    """A challenge as a file, chosen or pasted; the file wins."""

    file = forms.FileField(required=False, label="File", help_text="YAML or JSON.")
    text = forms.CharField(
        required=False,
        strip=False,
        label="or its text",
        max_length=MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false", "class": "code"}),
    )

    def clean(self) -> dict[str, Any]:
        """`text` holds what was given; an error unless that is text in UTF-8."""
        values = super().clean() or {}
        if file := values.get("file"):
            if file.size > 4 * MAX_CHARACTERS:
                raise forms.ValidationError("This file is too large for a configuration.")
            try:
                values["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise forms.ValidationError("The file is not UTF-8 text. Save it as UTF-8.") from None
        if not values.get("text", "").strip():
            raise forms.ValidationError("Choose a file or paste its text.")
        return values


class DeadlineForm(forms.Form):
    """A new deadline, in UTC, and why."""

    closes_at = forms.DateTimeField(
        label="Closes at, UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"),
    )
    reason = forms.CharField(
        max_length=300, label="Reason", help_text="Participants read it, on the pages and by mail."
    )
    confirms_shortening = forms.BooleanField(
        required=False, label="An earlier deadline is meant: it takes time away from participants"
    )


class FreezeForm(forms.Form):
    """From when the public board stands still, in UTC; empty: it is open."""

    frozen_at = forms.DateTimeField(
        required=False,
        label="Frozen from, UTC",
        help_text="Empty: the board is open.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"),
    )
    reason = forms.CharField(max_length=300, required=False, label="Reason", help_text="For the record.")
