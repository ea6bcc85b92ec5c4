"""What is trained, how, on which images and MOS, and for which phase."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.validators import FileExtensionValidator
from django.db.models import QuerySet

from challenge.contests.models import Challenge, Phase
from challenge.datasets.services import current_answer_key, expected_names
from challenge.jobs.baselines.offers import OfferedMetric, offered_metrics, phase_choices, source_choices
from challenge.jobs.database.form import DEVICES
from scoring.answer_key import AnswerKey, InvalidAnswerKey, read_answer_key
from scoring.baselines.recipe import SCOPES, Recipe

SCOPE_CHOICES = (
    ("", "As usual: DBCNN and CNNIQA as a whole, of CLIP-IQA the image tower"),
    ("all", "Everything"),
    ("visual", "CLIP-IQA: the image tower"),
    ("prompt", "CLIP-IQA: the prompts"),
    ("head", "DBCNN: the last layer"),
)
TABLES = ("train", "validation")
PAPER = Recipe("cnniqa")  # the defaults are those of the paper
NAMED = 3  # names and problems that a message lists


def recipe_of(parameters: dict[str, Any], seed: int) -> Recipe:
    """The recipe of one repeat. Raises ValueError for what cannot be trained."""
    names = ("metric", "scope", "epochs", "batch", "micro_batch", "learning_rate", "crop", "mixed")
    mos_range = (parameters["mos_low"], parameters["mos_high"])
    return Recipe(**{name: parameters[name] for name in names}, seed=seed, mos_range=mos_range)


def _number(label: str, initial: int, most: int, **more: Any) -> forms.IntegerField:
    return forms.IntegerField(min_value=1, max_value=most, initial=initial, label=label, **more)


class FineTuningForm(forms.Form):
    """`challenges`: those whose phases and zip files are offered."""

    template = "jobs/finetune_form.html"
    main: ClassVar = ("scope", "source", "train", "validation", "mos_low", "mos_high", "phase", "test_source", "device")
    more: ClassVar = ("repeats", "epochs", "batch", "micro_batch", "learning_rate", "crop", "mixed")

    metric = forms.ChoiceField(label="Metric")
    scope = forms.ChoiceField(choices=SCOPE_CHOICES, required=False, label="What of it is trained")
    source = forms.ChoiceField(
        label="Images to train and validate with",
        help_text="Finished database jobs, zip files of data pages, and the folders that the server's settings name.",
    )
    train = forms.FileField(
        label="MOS of the training images",
        validators=[FileExtensionValidator(["csv"])],
        help_text="A CSV with the columns name and mos. Public MOS only: what is trained may be given away.",
    )
    validation = forms.FileField(
        label="MOS of the validation images",
        validators=[FileExtensionValidator(["csv"])],
        help_text="Other images. Of each repeat the epoch with the best SRoCC on them is kept.",
    )
    mos_low = forms.FloatField(initial=PAPER.mos_range[0], label="Lowest MOS of the scale")
    mos_high = forms.FloatField(initial=PAPER.mos_range[1], label="Highest MOS of the scale")
    phase = forms.ChoiceField(
        required=False,
        label="Phase to score then",
        help_text="Each repeat becomes a reference row of its own, such as dbcnn+finetune.0; the page of tables shows "
        "their mean. No repeat is picked out.",
    )
    test_source = forms.ChoiceField(
        required=False, label="Images of the phase", help_text="Where they are, if not where the others are."
    )
    device = forms.ChoiceField(choices=DEVICES, label="Device")
    repeats = _number("Repeats", 10, 100, help_text="They differ in their seed: 0, 1, ...")
    epochs = _number("Epochs", PAPER.epochs, 10_000)
    batch = _number("Batch", PAPER.batch, 4096, help_text="Images that make one step.")
    micro_batch = _number(
        "Images in memory at once", PAPER.micro_batch, 4096, help_text="Fewer, where memory does not suffice."
    )
    learning_rate = forms.FloatField(min_value=1e-12, max_value=1, initial=PAPER.learning_rate, label="Learning rate")
    crop = _number("Side of the crops, in pixels", PAPER.crop, 4096)
    mixed = forms.BooleanField(required=False, label="Compute in bfloat16 where that is safe")

    def __init__(self, data: Any = None, files: Any = None, *, challenges: QuerySet[Challenge]) -> None:
        super().__init__(data, files)
        self.offered = [offer for offer in offered_metrics() if offer.info.name in SCOPES]
        fields: dict[str, Any] = self.fields
        fields["metric"].choices = [(one.info.name, _words(one)) for one in self.offered]
        fields["phase"].choices = [("", "None: train only"), *phase_choices(challenges)]
        fields["source"].choices = source_choices(challenges)
        fields["test_source"].choices = [("", "In the same place"), *fields["source"].choices]

    @property
    def lacking(self) -> list[OfferedMetric]:
        """The metrics that cannot be trained, for want of their weights."""
        return [one for one in self.offered if one.problem]

    def main_fields(self) -> list[forms.BoundField]:
        """What has to be chosen."""
        return [self[name] for name in self.main]

    def more_fields(self) -> list[forms.BoundField]:
        """What is as in the paper unless it is changed."""
        return [self[name] for name in self.more]

    def clean_metric(self) -> str:
        """A metric whose weights are here."""
        chosen: str = self.cleaned_data["metric"]
        for offer in self.lacking:
            if offer.info.name == chosen:
                raise forms.ValidationError(f"{offer.info.title}: {offer.problem}. {offer.command}")
        return chosen

    def clean(self) -> dict[str, Any]:
        """The recipe is one; the tables are good, and have no image in common with each other or the phase."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                recipe_of(cleaned, seed=0)
            except ValueError as error:
                self.add_error("scope" if "scope" in str(error) else None, f"{error}.")
        keys = {name: key for name in TABLES if cleaned.get(name) and (key := self._read(name))}
        if len(keys) == len(TABLES):
            self._refuse_shared("validation", keys, set(keys["train"].names), "in both tables")
        hidden = current_answer_key(Phase.objects.get(pk=cleaned["phase"])) if cleaned.get("phase") else None
        if hidden is not None:
            for name in keys:
                self._refuse_shared(name, keys, set(expected_names(hidden)), "test images of the phase")
        return cleaned

    def _read(self, name: str) -> AnswerKey | None:
        """The table of a field; None, and an error of the field, when it cannot be used."""
        upload = self.cleaned_data[name]
        try:
            key = read_answer_key(upload.read())
        except InvalidAnswerKey as error:
            for problem in error.report.problems[:NAMED]:
                self.add_error(name, problem.message)
            return None
        upload.seek(0)
        if len(key.names) < 2:
            self.add_error(name, "Two images are needed at least.")
            return None
        low, high = self.cleaned_data.get("mos_low"), self.cleaned_data.get("mos_high")
        if low is not None and high is not None and not (low <= key.mos.min() and key.mos.max() <= high):
            self.add_error(
                name, f"Its MOS go from {key.mos.min():g} to {key.mos.max():g}, the scale from {low} to {high}."
            )
        return key

    def _refuse_shared(self, name: str, keys: dict[str, AnswerKey], others: set[str], what: str) -> None:
        shared = [image for image in keys[name].names if image in others]
        if shared:
            listed = ", ".join(shared[:NAMED])
            self.add_error(name, f"{len(shared):,} of its images are {what}: {listed}")


def _words(offer: OfferedMetric) -> str:
    return f"{offer.info.title} (cannot be used yet)" if offer.problem else offer.info.title
