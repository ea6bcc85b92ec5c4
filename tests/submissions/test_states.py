"""The transition table: what may happen, who wins a race, and that final means final."""

import itertools

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from challenge.submissions.models import Submission, SubmissionEvent
from challenge.submissions.scoring_run import claim
from challenge.submissions.services import fail, withdraw
from challenge.submissions.states import FINAL, TRANSITIONS, Status, transition


def test_every_state_has_a_line_and_final_ones_lead_nowhere():
    assert set(TRANSITIONS) == set(Status)
    assert {Status.SCORED, Status.FAILED, Status.WITHDRAWN} == FINAL


def test_a_step_writes_one_event_with_who_and_why(world):
    submission = world.submit()
    before = submission.events.count()
    assert withdraw(submission, world.alice)
    event = submission.events.last()
    assert submission.events.count() == before + 1
    assert (event.from_status, event.to_status, event.actor) == ("queued", "withdrawn", world.alice)


def test_a_step_that_is_not_in_the_table_changes_nothing(world):
    submission = world.scored()
    events = submission.events.count()
    rows = Submission.objects.filter(pk=submission.pk)
    assert not transition(rows, to=Status.QUEUED, reason="no")
    assert not withdraw(submission, world.alice)
    assert not fail(rows, "no")
    submission.refresh_from_db()
    assert submission.status == "scored"
    assert submission.events.count() == events


def test_the_database_refuses_a_state_it_does_not_know(world):
    submission = world.submit()
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=submission.pk).update(status="lost")


def test_the_database_refuses_a_claim_without_a_lease(world):
    submission = world.submit()
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=submission.pk).update(status="scoring")


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["claim", "give back", "score", "fail", "withdraw"]), max_size=8))
def test_in_whatever_order_things_happen_the_history_is_a_path_of_the_table(world, steps):
    SubmissionEvent.objects.all().delete()
    Submission.objects.all().delete()
    submission = world.submit()
    rows = Submission.objects.filter(pk=submission.pk)
    free = {"lease_token": None, "lease_expires_at": None}
    for step in steps:
        if step == "claim":
            claim(submission.pk)
        elif step == "give back":
            transition(rows, to=Status.QUEUED, reason="x", **free)
        elif step == "score":
            transition(rows, to=Status.SCORED, reason="x", **free)
        elif step == "fail":
            fail(rows, "x")
        else:
            withdraw(submission, world.alice)
    path = list(submission.events.values_list("from_status", "to_status"))
    assert path[0] == ("", "received")
    for (_, arrived), (left, entered) in itertools.pairwise(path):
        assert left == arrived
        assert Status(entered) in TRANSITIONS[Status(left)]
    assert Submission.objects.get(pk=submission.pk).status == path[-1][1]
    assert sum(Status(entered) in FINAL for _, entered in path) <= 1
