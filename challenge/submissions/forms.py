"""The submit form. The file itself is checked by `intake`; this form checks what is typed beside it."""

from __future__ import annotations

import uuid
from typing import IO, Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile

from challenge.core.storage import sha256_of
from challenge.submissions.intake import MAX_RUNTIME_S, Method
from challenge.submissions.models import Submission


class SubmitForm(forms.Form):
    """A prediction file and what there is to say about the method. The nonce makes a double click one submission.

    With a `source`, a submission of the same team, its stored file may be sent again instead (`reuses_file`).
    """

    file = forms.FileField(
        required=False,
        label="Prediction file",
        help_text="CSV or TXT with the lines name,score, or a zip that holds one such file.",
        error_messages={"empty": "The file is empty: it has no line name,score."},
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
    source = forms.UUIDField(required=False, widget=forms.HiddenInput)
    reuses_file = forms.BooleanField(required=False, label="Send the stored file again")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["nonce"].initial = uuid.uuid4().hex

    def clean(self) -> dict[str, Any]:
        """A file, or a submission whose file is sent again; a chosen file wins."""
        values = super().clean() or {}
        sends_again = values.get("reuses_file") and values.get("source")
        if not values.get("file") and not sends_again and "file" not in self.errors:
            self.add_error("file", "Choose a file.")
        return values

    def idempotency_key(self, upload: UploadedFile[Any]) -> str:
        """The same for the same file sent twice from one page, another for another file; empty without a nonce."""
        nonce: str = self.cleaned_data["nonce"]
        return f"{nonce}-{sha256_of(cast(IO[bytes], upload.file))[:32]}" if nonce else ""

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
