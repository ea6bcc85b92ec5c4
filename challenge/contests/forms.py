"""Forms of the contests pages."""

from django import forms


class JoinForm(forms.Form):
    """Joining a challenge: a new team's name, unless an invitation names the team."""

    team_name = forms.CharField(max_length=60, required=False, label="Team name")
    accepts_terms = forms.BooleanField(required=False, label="I accept the terms")
