"""Forms of the account pages."""

from typing import Any

from django import forms

from challenge.accounts.models import ApiToken, User


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=80, label="Name", help_text="What uses it, so that you know what to revoke.")
    scopes = forms.MultipleChoiceField(
        choices=ApiToken.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[ApiToken.Scope.READ, ApiToken.Scope.SUBMIT],
    )
    days = forms.TypedChoiceField(
        choices=[("30", "30 days"), ("90", "90 days"), ("365", "1 year")], coerce=int, initial="90", label="Valid for"
    )


class EraseForm(forms.Form):
    """The last question before an account is erased: the user name, and the password where there is one."""

    username = forms.CharField(
        max_length=150, label="Your user name", help_text="To be sure it is no slip of the hand."
    )
    password = forms.CharField(
        label="Password", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}), strip=False
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if not user.has_usable_password():
            del self.fields["password"]

    def clean_username(self) -> str:
        """It must be the user's own."""
        name: str = self.cleaned_data["username"]
        if name != self.user.username:
            raise forms.ValidationError("This is not your user name.")
        return name

    def clean_password(self) -> str:
        """It must be right."""
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password
