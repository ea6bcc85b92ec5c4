"""The form that asks for figures 3, 6 and 7 of opinion scores."""

from collections.abc import Callable
from typing import Any

from django import forms

from challenge.study.figure_run import read_attributes, read_images
from generation.figures.lengths import LENGTHS
from generation.problems import SHOWN, InvalidInput

MOST_BYTES = 50_000_000
LENGTH_WORDS = {
    "tokens": "CLIP tokens: up to 20, 40, 77, more",
    "tokens_read": "CLIP tokens: up to 20, 40, 75, more than an encoder reads",
    "token_terciles": "Thirds by CLIP tokens",
    "word_terciles": "Thirds by words",
    "character_terciles": "Thirds by characters",
}


class FiguresForm(forms.Form):
    """Tables of the images and the options of figure 7. Values are the bytes of tables that can be read."""

    table = forms.FileField(
        label="Images",
        help_text="CSV: <code>name</code> and, as in a plan, <code>model</code>, <code>iteration_default</code>, "
        "<code>cfg_default</code>, <code>resolution_default</code>, <code>prompt</code>. No opinions.",
    )
    attributes = forms.FileField(
        required=False,
        label="Attributes",
        help_text="For figure 3: what <code>python -m generation attributes</code> writes.",
    )
    length = forms.ChoiceField(choices=[(name, LENGTH_WORDS[name]) for name in LENGTHS], label="Length of a prompt")
    all_configurations = forms.BooleanField(
        required=False,
        label="Figure 7 of all images",
        help_text="Otherwise of those with all defaults, as in the paper.",
    )

    def clean_table(self) -> bytes:
        """The bytes of a table of images."""
        return self._readable("table", read_images)

    def clean_attributes(self) -> bytes:
        """The bytes of a table of attributes; none without a file."""
        return self._readable("attributes", read_attributes) if self.cleaned_data["attributes"] else b""

    def _readable(self, name: str, read: Callable[[bytes], Any]) -> bytes:
        file = self.cleaned_data[name]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
        content: bytes = file.read()
        try:
            read(content)
        except InvalidInput as error:
            raise forms.ValidationError([f"{problem}." for problem in error.problems[:SHOWN]]) from None
        return content
