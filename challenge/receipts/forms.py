"""The form of the page that checks receipts."""

from typing import Any

from django import forms

from scoring.receipts import MAX_BYTES


class VerifyForm(forms.Form):
    """A receipt as a file or as text. `cleaned_data["content"]` has its bytes."""

    file = forms.FileField(label="Receipt file", required=False)
    text = forms.CharField(
        label="or its text", required=False, max_length=MAX_BYTES, widget=forms.Textarea(attrs={"rows": 6})
    )

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        file, text = values.get("file"), values.get("text")
        if not file and not text and not self.errors:
            raise forms.ValidationError("Choose a receipt file or paste its text.")
        values["content"] = file.read(MAX_BYTES + 1) if file else (text or "").encode()
        return values
