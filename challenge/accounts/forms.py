"""Forms of the account pages."""

from django import forms

from challenge.accounts.models import ApiToken


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=80, label="Name", help_text="What uses it, so that you know what to revoke.")
    scopes = forms.MultipleChoiceField(
        choices=ApiToken.Scope.choices, widget=forms.CheckboxSelectMultiple, initial=list(ApiToken.Scope.values)
    )
    days = forms.TypedChoiceField(
        choices=[("30", "30 days"), ("90", "90 days"), ("365", "1 year")], coerce=int, initial="90", label="Valid for"
    )
