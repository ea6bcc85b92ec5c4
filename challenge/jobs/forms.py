"""What every job's form has beside its kind's own fields."""

from django import forms


class TitleForm(forms.Form):
    """What to call the job."""

    title = forms.CharField(max_length=120, required=False, help_text="How you will find it in the list.")
