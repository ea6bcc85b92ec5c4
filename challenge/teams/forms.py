"""Forms of the team pages."""

from django import forms


class RenameForm(forms.Form):
    """Another name for the team."""

    name = forms.CharField(max_length=60, label="Name")


class MergeForm(forms.Form):
    """Which team to ask."""

    team = forms.CharField(max_length=60, label="Name of the other team")
