"""The form of an announcement."""

from django import forms

from challenge.announcements.models import LONGEST_TEXT


class AnnouncementForm(forms.Form):
    """A new announcement, or one to be edited."""

    title = forms.CharField(max_length=120, label="Title")
    text = forms.CharField(
        max_length=LONGEST_TEXT,
        label="Text",
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text="Markdown: **bold**, [a link](https://example.org), lists, tables.",
    )
    is_pinned = forms.BooleanField(required=False, label="Pinned: stays above the others")
