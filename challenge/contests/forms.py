"""Forms of the contests pages."""

from typing import Any

from django import forms

from challenge.contests.configuration import MAX_CHARACTERS


class JoinForm(forms.Form):
    """Joining a challenge: a new team's name, unless an invitation names the team."""

    team_name = forms.CharField(max_length=60, required=False, label="Team name")
    accepts_terms = forms.BooleanField(required=False, label="I accept the terms")


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
