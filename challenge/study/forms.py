"""Forms of the study's pages."""

import csv
import io
from typing import Any

from django import forms

from challenge.contests.models import Challenge, Phase
from challenge.study.models import Study
from challenge.study.records import Publication
from challenge.study.setup import MOST_INVITATIONS
from scoring.lines import decoding_problem
from scoring.opinion_scores import RULES, SESSION_MEANS
from scoring.ratings import DUPLICATES
from scoring.transforms import TRANSFORMS

MAX_QUESTIONS = 20
MAX_CHARACTERS = 200
SCREENINGS = {
    "srocc": "SRoCC with the mean of all below the threshold (the paper)",
    "srocc_loo": "SRoCC with the mean of the others below the threshold",
    "bt500": "Outlying ratings on both sides (ITU-R BT.500)",
    "sureal_pcc": "Pearson correlation (sureal)",
    "sureal_srcc": "SRoCC against the subjects' own spread (sureal)",
    "none": "Nobody",
}
TRANSFORM_WORDS = {
    "shift_log": "shift_log: log(zbar - min + 1), the paper's formula where it is defined",
    "literal": "literal: log(zbar + 1) as printed",
    "identity": "identity: linear",
    "reflected_log": "reflected_log: more uniform on left-skewed ratings",
}
SESSION_WORDS = {
    "subject_session": "of the subject in the session",
    "session": "of all subjects in the session",
    "literal_cumulative": "as printed: of earlier sessions",
}
DUPLICATE_WORDS = {"reject": "is a fault", "average": "is averaged with the first"}


def _choices(names: tuple[str, ...], words: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, words.get(name, name)) for name in names]


class StudyForm(forms.ModelForm):
    """The settings of a study. Questions are lines: `Age: under 30; 30 to 49; 50 or older`, or `Profession`."""

    questions = forms.CharField(
        required=False,
        label="Questionnaire",
        help_text="One question a line, with its choices behind a colon: «Age: under 30; 30 to 49; 50 or older». "
        "Without choices the answer is free text. All answers are optional.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    class Meta:
        model = Study
        fields = (
            *("title", "languages", "scale_low", "scale_high", "step", "session_images", "session_minutes"),
            *("rest_minutes", "sessions_per_day", "warm_ups", "repeats", "golds", "display_check", "acuity_check"),
            *("colour_check", "viewing_distance", "training_images", "seed", "instructions"),
            *("instructions_zh", "consent_text", "consent_text_zh"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("instructions", "instructions_zh", "consent_text", "consent_text_zh"):
            self.fields[name].widget.attrs["rows"] = 6
        self.initial["questions"] = "\n".join(
            question["label"] + (f": {'; '.join(question['choices'])}" if question["choices"] else "")
            for question in self.instance.questionnaire
        )

    def clean_questions(self) -> list[dict[str, Any]]:
        """[{"label", "choices"}]."""
        found = []
        for number, line in enumerate(self.cleaned_data["questions"].splitlines(), start=1):
            label, _, choices = line.partition(":")
            listed = [choice.strip() for choice in choices.split(";") if choice.strip()]
            if not label.strip():
                if line.strip():
                    raise forms.ValidationError(f"Line {number} has choices but no question.")
                continue
            if len(listed) == 1 or any(len(text) > MAX_CHARACTERS for text in (label, *listed)):
                raise forms.ValidationError(
                    f"Line {number}: give no choices or at least two, of at most {MAX_CHARACTERS} characters."
                )
            found.append({"label": label.strip(), "choices": listed})
        if len(found) > MAX_QUESTIONS:
            raise forms.ValidationError(f"Ask at most {MAX_QUESTIONS} questions.")
        return found


class ImagesForm(forms.Form):
    """A list of images and a zip with their files."""

    list = forms.FileField(
        label="List",
        help_text="CSV with the header <code>name,prompt,translation,group</code>. Further columns: <code>role</code> "
        "(main, gold, warmup, anchor), <code>low</code> and <code>high</code> for gold images and anchors, "
        "<code>translation_source</code>.",
    )
    archive = forms.FileField(
        label="Images",
        help_text="A zip of PNG files. Everything that is not part of the picture is removed from them: text chunks "
        "with prompts and parameters, EXIF, names.",
    )


class InviteForm(forms.Form):
    """How many subjects to invite."""

    count = forms.IntegerField(min_value=1, max_value=MOST_INVITATIONS, initial=1, label="Number of subjects")


class ReasonForm(forms.Form):
    """Why a session is opened again."""

    reason = forms.CharField(max_length=300, label="Reason", help_text="Stays in the history; the subject is not told.")


class ImportForm(forms.Form):
    """Ratings collected elsewhere."""

    ratings = forms.FileField(
        label="Ratings",
        help_text="CSV with the header <code>subject,image,session,rating</code>, one row a rating. It is sealed at "
        "once with the workers' public key. A subject of the same name here and there is taken for one person.",
    )
    note = forms.CharField(max_length=300, required=False, label="Note", help_text="Where and when, for the record.")


class ScoresForm(forms.Form):
    """How to compute opinion scores; see docs/opinion-scores.md."""

    screening = forms.ChoiceField(choices=_choices(RULES, SCREENINGS), label="Leave out subjects by")
    threshold = forms.FloatField(min_value=-1, max_value=1, initial=0.6, label="Threshold")
    transform = forms.ChoiceField(choices=_choices(TRANSFORMS, TRANSFORM_WORDS), label="Transform")
    session_mean = forms.ChoiceField(
        choices=_choices(SESSION_MEANS, SESSION_WORDS), label="Mean that is taken away (eq. 1)"
    )
    duplicates = forms.ChoiceField(
        choices=_choices(DUPLICATES, DUPLICATE_WORDS), label="A second rating of an image by a subject"
    )


class PublishForm(forms.Form):
    """Where the scores of which images go."""

    target = forms.ChoiceField(choices=Publication.Target.choices, label="Make it")
    phase = forms.ModelChoiceField(
        queryset=Phase.objects.none(), required=False, empty_label="None", label="Phase", help_text="Of the answer key."
    )
    title = forms.CharField(max_length=200, required=False, label="Title", help_text="Of the data file.")
    images = forms.FileField(
        label="Images",
        help_text="CSV with a column <code>name</code>, and any columns that define subsets (generator, ...). The "
        "names become public with the phase or the file.",
    )

    def __init__(self, challenge: Challenge, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["phase"]
        field.queryset = challenge.phases.all()

    def clean_images(self) -> bytes:
        """The bytes of a table of names."""
        content: bytes = self.cleaned_data["images"].read()
        if (problem := decoding_problem(content)) is not None:
            raise forms.ValidationError(f"The list cannot be read: {problem.message}.")
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        header, names = rows[0], [row[0] for row in rows[1:] if row]
        if header[0] != "name" or len(set(header)) < len(header) or {"mos", "mos_std", "n_ratings"} & set(header):
            raise forms.ValidationError("The first column is name, and none is called mos, mos_std or n_ratings.")
        wrong = next((number for number, row in enumerate(rows, start=1) if row and len(row) != len(header)), None)
        if wrong is not None:
            raise forms.ValidationError(f"Line {wrong} has {len(rows[wrong - 1])} cells, not {len(header)}.")
        if not names or len(set(names)) < len(names):
            raise forms.ValidationError("Name each image once.")
        return content

    def clean(self) -> dict[str, Any]:
        """A key has a phase, a file has a title."""
        values = super().clean() or {}
        is_key = values.get("target") == Publication.Target.KEY
        if is_key and not values.get("phase"):
            self.add_error("phase", "Choose the phase that the key is for.")
        if not is_key and not values.get("title", "").strip():
            self.add_error("title", "Give the file a title.")
        if is_key:
            values["title"] = ""
        else:
            values["phase"] = None
        return values


class ConsentForm(forms.Form):
    """The study's questions and the subject's agreement, in the subject's language."""

    agree = forms.BooleanField()

    def __init__(self, study: Study, texts: dict[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agree"].label = texts["agree"]
        self.fields["agree"].error_messages["required"] = texts["must_agree"]
        self.questions = [f"question_{place}" for place in range(len(study.questionnaire))]
        for name, question in zip(self.questions, study.questionnaire, strict=True):
            common: dict[str, Any] = {"label": question["label"], "required": False}
            if question["choices"]:
                choices = [("", texts["choose"]), *((choice, choice) for choice in question["choices"])]
                self.fields[name] = forms.ChoiceField(choices=choices, **common)
            else:
                self.fields[name] = forms.CharField(max_length=MAX_CHARACTERS, **common)

    def asked(self) -> list[forms.BoundField]:
        """The fields of the questions."""
        return [self[name] for name in self.questions]

    def answers(self) -> list[dict[str, str]]:
        """[{"question", "answer"}] of those that were answered."""
        return [
            {"question": str(self.fields[name].label), "answer": self.cleaned_data[name]}
            for name in self.questions
            if self.cleaned_data[name]
        ]
