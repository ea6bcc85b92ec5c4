"""The submit form. The file itself is checked by `intake`; this form checks what is typed beside it."""

import uuid
from typing import Any

from django import forms

from challenge.core.storage import sha256_of
from challenge.submissions.intake import MAX_RUNTIME_S, Method
from challenge.submissions.models import Submission


class SubmitForm(forms.Form):
    """A prediction file and what there is to say about the method. The nonce makes a double click one submission."""

    file = forms.FileField(
        label="Prediction file",
        help_text="CSV or TXT with the lines name,score, or a zip that holds one such file.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty: it has no line name,score."},
        allow_empty_file=False,
    )
    method_name = forms.CharField(max_length=80, required=False, label="Method name")
    description = forms.CharField(
        max_length=2000, required=False, label="Description", widget=forms.Textarea(attrs={"rows": 3})
    )
    runtime_s = forms.FloatField(
        min_value=0, max_value=MAX_RUNTIME_S, required=False, label="Runtime per image, in seconds"
    )
    device = forms.ChoiceField(choices=Submission.Device.choices, required=False, label="Device")
    extra_data = forms.NullBooleanField(
        required=False,
        label="Extra training data",
        widget=forms.Select(choices=[("", "Not stated"), ("false", "No"), ("true", "Yes")]),
    )
    nonce = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["nonce"].initial = uuid.uuid4().hex

    def idempotency_key(self) -> str:
        """The same for the same file sent twice from one page, another for another file; empty without a nonce."""
        nonce: str = self.cleaned_data["nonce"]
        return f"{nonce}-{sha256_of(self.cleaned_data['file'].file)[:32]}" if nonce else ""

    def method(self) -> Method:
        """The method fields, once the form is valid."""
        values = self.cleaned_data
        return Method(
            name=values["method_name"],
            description=values["description"],
            runtime_s=values["runtime_s"],
            device=values["device"],
            extra_data=values["extra_data"],
        )
