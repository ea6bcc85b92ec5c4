"""Forms of questions and answers."""

from django import forms

from challenge.questions.models import LONGEST_ANSWER, LONGEST_QUESTION


class QuestionForm(forms.Form):
    """A question."""

    question = forms.CharField(
        max_length=LONGEST_QUESTION,
        label="Your question",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Plain text. The organisers may publish it with their answer.",
    )
    shows_team = forms.BooleanField(required=False, label="Others may read that my team asked it")


class AnswerForm(forms.Form):
    """An answer."""

    answer = forms.CharField(
        max_length=LONGEST_ANSWER,
        label="Answer",
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Markdown.",
    )
    publishes = forms.BooleanField(required=False, initial=True, label="Publish question and answer")


class QuestionFilter(forms.Form):
    """Which questions organisers list."""

    state = forms.ChoiceField(
        choices=[("", "All"), ("open", "Not answered"), ("hidden", "Not published")], required=False, label="State"
    )
