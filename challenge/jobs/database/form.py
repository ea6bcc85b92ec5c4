"""What to build: generators with their licences, how many images, which prompts, how they are rendered and released."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.validators import FileExtensionValidator

from challenge.core.downloads import safe_file_name

PROMPT_FILES = ("txt", "csv", "tsv", "jsonl", "parquet", "gz")
DEVICES = (("auto", "The best there is"), ("cuda", "GPU (CUDA)"), ("mps", "GPU (Apple)"), ("cpu", "Processor"))
DTYPES = (("", "As the catalogue says"), ("float16", "float16"), ("bfloat16", "bfloat16"), ("float32", "float32"))
FORMATS = (("parquet", "Parquet"), ("webdataset", "WebDataset (tar)"), ("imagefolder", "Folder of images"))
POLICIES = (
    ("guarantee", "Enough images with all defaults, whatever else yields"),
    ("strict", "Exact shares and all defaults, factors confounded"),
    ("marginals", "Exact shares, no anchors"),
)
MOST_IMAGES = 1_000_000


def judges() -> list[tuple[str, str]]:
    """Who can judge prompts here: a model only where the settings name one (PROMPT_JUDGE_URL, PROMPT_JUDGE_MODEL)."""
    model = settings.PROMPT_JUDGE_MODEL if settings.PROMPT_JUDGE_URL else ""
    asked = [("openai", f"The model {model}, and the word lists before it")] if model else []
    return [("lexicon", "Word lists"), *asked, ("none", "Nobody")]


@dataclasses.dataclass(frozen=True)
class Offered:
    """A generator that can be run here; `fetched` where weights come from the hub, under these licences."""

    name: str
    longest_edge: int
    licences: tuple[tuple[str, str], ...]
    fetched: bool
    gated: bool


def offered_generators() -> list[Offered]:
    """The catalogue's entries that diffusers runs, the demo's first."""
    from generation.catalogue.models import read_generators
    from generation.catalogue.sources import Diffusers

    found = []
    for model in read_generators().values():
        if isinstance(model.source, Diffusers):
            parts = model.source.all_weights
            licences = tuple(dict.fromkeys((part.licence.name, part.licence.url) for part in parts))
            fetched = any(part.folder is None for part in parts)
            found.append(Offered(model.name, model.longest_edge, licences, fetched, any(part.gated for part in parts)))
    return sorted(found, key=lambda one: one.fetched)


class GeneratorChoice(forms.CheckboxSelectMultiple):
    """Check boxes that the page puts beside what the catalogue says."""

    def __init__(self, offered: list[Offered]) -> None:
        super().__init__(choices=[(one.name, one.name) for one in offered])
        self.offered = {one.name: one for one in offered}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Each with what its entry says."""
        return {**super().create_option(name, value, *args, **kwargs), "generator": self.offered[str(value)]}


class DatabaseForm(forms.Form):
    """Every field has a default that builds a small database with the demo generator."""

    template = "jobs/database_form.html"
    main: ClassVar = ("images", "prompts", "column", "threshold", "judge", "ask_people")
    more: ClassVar = (
        *("policy", "seed", "ratio", "batch_size", "device", "dtype", "fetch", "formats", "licence"),
    )  # fmt: skip

    generators = forms.MultipleChoiceField(label="Generators")
    accepts_licences = forms.BooleanField(
        required=False, label="I have read the licences of the chosen generators and accept them"
    )
    images = forms.IntegerField(
        min_value=1, max_value=MOST_IMAGES, initial=120, help_text="Shared out in the proportions of the catalogue."
    )
    prompts = forms.FileField(
        required=False,
        label="File of prompts",
        validators=[FileExtensionValidator(PROMPT_FILES)],
        help_text="TXT, CSV, TSV, JSON Lines or Parquet. Without one: sentences about coloured shapes, which the demo "
        "generator understands.",
    )
    column = forms.CharField(
        required=False, max_length=60, label="Column of the prompt", help_text="Empty: prompt, Prompt, caption or text."
    )
    threshold = forms.FloatField(
        required=False,
        min_value=50,
        max_value=100,
        initial=90,
        label="Merge prompts from this similarity on, in %",
        help_text="The paper: 90. Empty: no merging. Sentences about shapes are never merged.",
    )
    judge = forms.ChoiceField(choices=judges, label="Who judges the prompts", help_text="Unfit prompts are dropped.")
    ask_people = forms.BooleanField(
        required=False,
        initial=True,
        label="Ask me about prompts in doubt",
        help_text="The job pauses until you have decided. Otherwise they are left out.",
    )
    policy = forms.ChoiceField(choices=POLICIES, label="Where the plan's rules exclude each other, keep")
    seed = forms.IntegerField(min_value=0, max_value=2**32 - 1, initial=0, label="Seed")
    ratio = forms.RegexField(
        r"^[1-9][0-9]{0,3}:[0-9]{1,4}:[0-9]{1,4}$", initial="7:1:2", label="Training : validation : test images"
    )
    batch_size = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=256,
        label="Images in a batch",
        help_text="What a killed worker loses at most. Empty: as the catalogue says. With 1, every image can be made "
        "again to the last bit.",
    )
    device = forms.ChoiceField(choices=DEVICES, label="Device")
    dtype = forms.ChoiceField(choices=DTYPES, required=False, label="Precision")
    fetch = forms.BooleanField(
        required=False,
        label="Fetch missing weights from the hub",
        help_text="Otherwise they must be there (`python -m generation weights fetch`).",
    )
    formats = forms.MultipleChoiceField(
        choices=FORMATS,
        widget=forms.CheckboxSelectMultiple,
        initial=["parquet", "webdataset"],
        label="Formats of the release",
    )
    licence = forms.CharField(
        max_length=100, initial="CC-BY-4.0", label="Licence of the database", help_text="An SPDX identifier or address."
    )

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        self.offered = offered_generators()
        field: Any = self.fields["generators"]
        field.widget = GeneratorChoice(self.offered)
        field.choices = [(one.name, one.name) for one in self.offered]
        field.initial = [self.offered[0].name] if self.offered else []

    def main_fields(self) -> list[forms.BoundField]:
        """What everybody looks at."""
        return [self[name] for name in self.main]

    def more_fields(self) -> list[forms.BoundField]:
        """What has a good default."""
        return [self[name] for name in self.more]

    def clean(self) -> dict[str, Any]:
        """Licences of weights that are fetched are accepted before anything is done; small plans are possible."""
        cleaned = super().clean() or {}
        chosen = [one for one in self.offered if one.name in cleaned.get("generators", ())]
        if any(one.fetched for one in chosen) and not cleaned.get("accepts_licences"):
            self.add_error("accepts_licences", "Read the licences of the generators you chose, and accept them.")
        if chosen and cleaned.get("images", 0) and cleaned["images"] < len(chosen):
            self.add_error("images", f"Each of the {len(chosen)} generators needs an image at least.")
        return cleaned


def stored(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the job: JSON values, with the licences that were accepted by name and address."""
    upload = cleaned["prompts"]
    chosen = [one for one in offered_generators() if one.name in cleaned["generators"]]
    licences = [list(licence) for one in chosen for licence in one.licences] if cleaned["accepts_licences"] else []
    return {
        **{name: value for name, value in cleaned.items() if name not in ("prompts", "accepts_licences")},
        "prompts": safe_file_name(upload.name) if upload else "",
        "accepted_licences": licences,
    }
