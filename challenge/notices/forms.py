"""What somebody wants to be told, as a form: for each kind a box and a choice."""

from typing import Any

from django import forms

from challenge.accounts.models import User
from challenge.notices.kinds import RULES, Audience, Kind, Mail
from challenge.notices.services import kinds_for, wishes_of


class WishesForm(forms.Form):
    """The fields `<kind>-site` and `<kind>-mail` of every kind that the user can be told about."""

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.kinds = kinds_for(user)
        wishes = wishes_of(user)
        for kind in self.kinds:
            what = kind.label
            self.fields[f"{kind}-site"] = forms.BooleanField(
                required=False,
                initial=wishes[kind].in_site,
                widget=forms.CheckboxInput(attrs={"aria-label": f"On the site: {what}"}),
            )
            self.fields[f"{kind}-mail"] = forms.ChoiceField(
                choices=Mail.choices,
                initial=wishes[kind].mail,
                widget=forms.Select(attrs={"aria-label": f"By mail: {what}"}),
            )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """For each kind its words, whether it is for organisers, and its two fields."""
        return [
            {
                "label": kind.label,
                "for_organisers": RULES[kind].audience == Audience.ORGANISERS,
                "site": self[f"{kind}-site"],
                "mail": self[f"{kind}-mail"],
            }
            for kind in self.kinds
        ]

    def wanted(self) -> dict[Kind, tuple[bool, Mail]]:
        """What was said, for `services.wish`."""
        said = self.cleaned_data
        return {kind: (said[f"{kind}-site"], Mail(said[f"{kind}-mail"])) for kind in self.kinds}
