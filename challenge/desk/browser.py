"""Every submission of a challenge: which to list, in which order, and what an export says of each."""

import datetime
from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import F, Max, Q, QuerySet

from challenge.contests.models import Challenge, Phase
from challenge.submissions.models import Evaluation, Score, Submission
from challenge.submissions.states import Status

# What may be sorted by: column of the page -> field. Nulls, which are no scores, come last in either direction.
SORTS = {
    "received": "received_at",
    "team": "team__name",
    "phase": "phase__position",
    "state": "status",
    "score": "main_score",
    "method": "method_name",
}
DEFAULT_SORT = "-received"
FACTS = ("id", "phase", "kind", "team", "submitted_by", "status", "is_late", "is_chosen", "received_at", "finished_at")
FILE = ("file_name", "file_size", "sha256", "rows", "method_name", "runtime_s", "device", "extra_data")
QUOTA = ("quota_day", "refund_reason", "failure")
HEADER = (*FACTS, *FILE, *QUOTA, *Score.Metric.values, "private_main")


class SubmissionFilter(forms.Form):
    """Which submissions to list, and in which order."""

    phase = forms.ModelChoiceField(
        Phase.objects.none(), required=False, empty_label="All", to_field_name="slug", label="Phase"
    )
    state = forms.ChoiceField(choices=[("", "All"), *Status.choices], required=False, label="State")
    late = forms.ChoiceField(
        choices=[("", "All"), ("no", "In time"), ("yes", "Late")], required=False, label="Deadline"
    )
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))
    q = forms.CharField(max_length=100, required=False, label="Team, user, method, file or checksum")
    sort = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, challenge: Challenge, data: Any) -> None:
        super().__init__(data)
        field: Any = self.fields["phase"]
        field.queryset = challenge.phases.all()
        field.label_from_instance = lambda phase: phase.title


def listed(challenge: Challenge, form: SubmissionFilter) -> QuerySet[Submission]:
    """The rows that `form` asks for; every row where it is not valid. Dates are UTC days, both included."""
    main = Max("evaluations__rank_value", filter=Q(evaluations__is_current=True))
    rows = Submission.objects.filter(phase__challenge=challenge).annotate(main_score=main)
    rows = rows.select_related("phase__challenge", "team", "submitted_by").defer("description", "warnings")
    values = form.cleaned_data if form.is_valid() else {}
    if values.get("phase"):
        rows = rows.filter(phase=values["phase"])
    if values.get("state"):
        rows = rows.filter(status=values["state"])
    if values.get("late"):
        rows = rows.filter(is_late=values["late"] == "yes")
    if values.get("since"):
        rows = rows.filter(received_at__gte=_midnight(values["since"]))
    if values.get("until"):
        rows = rows.filter(received_at__lt=_midnight(values["until"] + datetime.timedelta(days=1)))
    if text := values.get("q", "").strip():
        rows = rows.filter(_matches(text))
    return rows.order_by(*_order(values.get("sort", "")), "pk")


def _matches(text: str) -> Q:
    contains = Q(team__name__icontains=text) | Q(submitted_by__username__icontains=text)
    return contains | Q(method_name__icontains=text) | Q(file_name__icontains=text) | Q(sha256__startswith=text.lower())


def _order(sort: str) -> list[Any]:
    if sort.removeprefix("-") not in SORTS:
        sort = DEFAULT_SORT
    field = F(SORTS[sort.removeprefix("-")])
    first = field.desc(nulls_last=True) if sort.startswith("-") else field.asc(nulls_last=True)
    return [first, F("received_at").desc()]


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def exported(challenge: Challenge, rows: QuerySet[Submission]) -> Iterator[dict[str, Any]]:
    """Each of `rows` of `challenge` with its file, its quota and the metrics of the evaluation in force.

    Metrics are in full precision; `private_main`, where the key is split, has the decimals that ranks see.
    """
    in_force = Evaluation.objects.filter(submission__phase__challenge=challenge, is_current=True)
    private = dict(in_force.values_list("submission", "private_rank_value"))
    scores: dict[Any, dict[str, float]] = {}
    found = Score.objects.filter(evaluation__in=in_force).order_by()
    for pk, metric, value in found.values_list("evaluation__submission", "metric", "value"):
        scores.setdefault(pk, {})[metric] = value
    for row in rows:
        yield {
            **{name: getattr(row, name) for name in (*FACTS, *FILE, *QUOTA)},
            "id": str(row.pk),
            "phase": row.phase.slug,
            "team": row.team.name if row.team else None,
            "submitted_by": row.submitted_by.username if row.submitted_by else None,
            "received_at": row.received_at.isoformat(),
            "finished_at": row.finished_at.isoformat() if row.finished_at else None,
            "quota_day": row.quota_day.isoformat(),
            **{metric: scores.get(row.pk, {}).get(metric) for metric in Score.Metric.values},
            "private_main": private.get(row.pk),
        }
