"""The desk: figures and drain report equal a count by hand, the list filters and sorts, bulk actions ask first."""

import csv
import datetime
import io
import json

import pytest
from django.utils import timezone

from challenge.audit.models import Act, AuditEntry
from challenge.contests.models import Phase
from challenge.desk.drain import drain_report
from challenge.desk.figures import DAYS, bars, figures_of
from challenge.submissions.intake import Method, SubmissionRefused, accept_again, receive_reference
from challenge.submissions.models import Submission
from challenge.submissions.scoring_run import INTERNAL_ERROR, score
from challenge.submissions.services import fail, withdraw
from tests.factories import make_pending, prediction_csv, upload


def failed(world, user=None, **options):
    submission = world.submit(user, **options)
    assert fail(Submission.objects.filter(pk=submission.pk), INTERNAL_ERROR)
    submission.refresh_from_db()
    return submission


def close(phase):
    """The phase is over; what came stays received before its deadline."""
    now = timezone.now()
    Phase.objects.filter(pk=phase.pk).update(opens_at=now - datetime.timedelta(days=9), closes_at=now)
    phase.refresh_from_db()


def listed(client, query=""):
    page = client.get(f"/c/iqa/desk/submissions/?{query}").context["page"]
    return [row.pk for row in page.object_list]


def test_figures_count_people_files_queue_and_failures(world, rung):
    make_pending(world)
    world.scored()
    world.scored(world.mallory)
    failed(world)
    world.submit(world.bob)
    receive_reference(phase=world.development, upload=upload(prediction_csv(2.0)), method=Method("NIQE"), actor=None)
    yesterday = timezone.now() - datetime.timedelta(days=1, minutes=1)
    old = world.scored(phase=world.final)
    Submission.objects.filter(pk=old.pk).update(received_at=yesterday, finished_at=yesterday)
    found = figures_of(world.challenge)
    assert (found.accepted, found.pending, found.teams) == (3, 1, 3)
    assert (found.files, found.files_recent) == (5, 4)
    assert (found.waiting, found.held, found.lost) == (2, 0, 0)  # the reference row waits too
    assert found.queue_age is not None
    assert found.failure_rate == pytest.approx(100 / 3)
    assert len(found.days) == DAYS
    assert sum(day.files for day in found.days) == 5
    assert sum(day.failed for day in found.days) == 1
    assert figures_of(world.challenge).median_wait is not None


def test_figures_of_a_challenge_without_anything_say_so(client, world):
    from challenge.contests.models import Challenge

    empty = Challenge.objects.get(slug="other")
    found = figures_of(empty)
    assert (found.files, found.queue_age, found.failure_rate, found.median_wait) == (0, None, None, None)
    assert {bar.height for bar in bars(found.days)} == {0}
    client.force_login(world.other_organiser)
    assert b"Nothing was sent" in client.get("/c/other/desk/").content


def test_a_worker_that_was_lost_shows(world, rung):
    submission = world.submit()
    then = timezone.now() - datetime.timedelta(minutes=1)
    token = "00000000-0000-4000-8000-000000000000"
    Submission.objects.filter(pk=submission.pk).update(status="scoring", lease_token=token, lease_expires_at=then)
    assert (figures_of(world.challenge).held, figures_of(world.challenge).lost) == (0, 1)
    assert "lost" in drain_report(world.development).unscored[0].reason


def test_the_drain_report_names_every_accepted_file_that_is_not_scored(client, world, rung):
    phase = world.development
    world.scored()
    broken, waiting = failed(world), world.submit(world.mallory)
    withdraw(world.submit(), world.alice)
    report = drain_report(phase)
    assert {file.submission.pk: file.reason for file in report.unscored} == {
        broken.pk: INTERNAL_ERROR,
        waiting.pk: "It waits for a worker.",
    }
    assert (report.accepted, report.scored, report.withdrawn, report.is_drained) == (4, 1, 1, False)
    client.force_login(world.organiser)
    rows = list(csv.DictReader(io.StringIO(client.get("/c/iqa/desk/unscored.csv").content.decode())))
    assert {row["submission"] for row in rows} == {str(broken.pk), str(waiting.pk)}
    assert b"2 accepted files are not scored." in client.get("/c/iqa/desk/").content

    close(phase)
    score(waiting.pk)
    again = accept_again(broken, actor=world.organiser)
    assert drain_report(phase).replaced == 1
    score(again.pk)
    report = drain_report(phase)
    assert report.is_drained
    assert report.verdict == "Every accepted file is scored."
    assert report.accepted == report.scored + report.withdrawn + report.replaced == 5


def test_a_phase_that_still_takes_files_is_not_drained(world):
    world.scored()
    report = drain_report(world.development)
    assert (report.is_drained, report.verdict) == (False, "Every accepted file is scored so far.")


def test_a_failed_file_that_is_accepted_again_keeps_its_moment_its_day_and_its_method(world, rung):
    original = failed(world, method=Method(name="Net", runtime_s=0.5, device="gpu", extra_data=True))
    close(world.development)
    made = accept_again(original, actor=world.organiser, reason="disk")
    score(made.pk)
    made.refresh_from_db()
    original.refresh_from_db()
    assert (original.status, made.status) == ("failed", "scored")
    assert (made.received_at, made.quota_day, made.is_late) == (original.received_at, original.quota_day, False)
    assert (made.sha256, made.submitted_by, made.team) == (original.sha256, world.alice, world.team)
    assert (made.method_name, made.runtime_s, made.device, made.extra_data) == ("Net", 0.5, "gpu", True)
    assert made.file.name != original.file.name
    entry = AuditEntry.objects.get(act=Act.SUBMISSION_AGAIN)
    assert (entry.actor, entry.reason) == (world.organiser, "disk")


def test_accepting_again_twice_makes_one_submission(world, rung):
    original = failed(world)
    first, second = (accept_again(original, actor=world.organiser) for _ in range(2))
    assert first.pk == second.pk
    assert Submission.objects.count() == 2


def test_accepting_again_never_goes_beyond_the_quota(world, rung):
    Phase.objects.filter(pk=world.development.pk).update(daily_quota=1)
    world.development.refresh_from_db()
    original = failed(world)
    world.submit()  # with the slot that came back
    with pytest.raises(SubmissionRefused, match="used all submissions of this UTC day"):
        accept_again(original, actor=world.organiser)


def test_only_what_failed_is_accepted_again_and_only_organisers_ask(client, world, rung):
    scored = world.scored()
    with pytest.raises(SubmissionRefused, match="that failed"):
        accept_again(scored, actor=world.organiser)
    with pytest.raises(SubmissionRefused, match="the server's own"):
        world.submit(idempotency_key=f"again:{scored.pk}")
    original = failed(world)
    original.file.storage.delete(original.file.name)
    with pytest.raises(SubmissionRefused, match="cannot be read"):
        accept_again(original, actor=world.organiser)


def test_the_list_filters_by_phase_state_team_date_and_lateness(client, world, rung):
    client.force_login(world.organiser)
    mine, theirs, blind = world.scored(), world.scored(world.mallory), world.scored(phase=world.final)
    broken = failed(world)
    Submission.objects.filter(pk=theirs.pk).update(
        is_late=True, received_at=timezone.now() - datetime.timedelta(days=3)
    )
    three_days_ago = f"{timezone.now() - datetime.timedelta(days=3):%Y-%m-%d}"
    assert set(listed(client)) == {mine.pk, theirs.pk, blind.pk, broken.pk}
    assert set(listed(client, "phase=final")) == {blind.pk}
    assert set(listed(client, "state=failed")) == {broken.pk}
    assert set(listed(client, "late=yes")) == {theirs.pk}
    assert set(listed(client, "q=rivals")) == {theirs.pk}
    assert set(listed(client, f"q={mine.sha256[:12]}&phase=final")) == {blind.pk}
    assert set(listed(client, f"since={three_days_ago}&until={three_days_ago}")) == {theirs.pk}
    assert client.get("/c/iqa/desk/submissions/?phase=nosuch").status_code == 422


def test_the_list_sorts_by_score_with_what_has_none_last_in_either_direction(client, world, rung):
    client.force_login(world.organiser)
    good, bad, waiting = world.scored(noise=0.1), world.scored(world.mallory, noise=3.0), world.submit()
    assert listed(client, "sort=score") == [bad.pk, good.pk, waiting.pk]
    assert listed(client, "sort=-score") == [good.pk, bad.pk, waiting.pk]
    assert listed(client, "sort=nonsense") == [waiting.pk, bad.pk, good.pk]


def test_exports_equal_the_stored_scores_and_run_no_formula(client, world, rung):
    """Codabench #477, CodaLab #2902: exports lose columns or digits."""
    client.force_login(world.organiser)
    scored = world.scored(method=Method(name="=1+1"))
    waiting = world.submit(world.mallory)
    text = client.get("/c/iqa/desk/submissions.csv").content.decode()
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text))}
    exact = client.get("/c/iqa/desk/submissions.json").json()
    stored = {score.metric: score.value for score in scored.evaluations.get().scores.all()}
    assert {"main", "srocc", "krocc", "plcc"} <= stored.keys()
    for metric, value in stored.items():
        assert float(rows[str(scored.pk)][metric]) == value
    by_id = {row["id"]: row for row in exact}
    assert {metric: by_id[str(scored.pk)][metric] for metric in stored} == stored
    assert rows[str(scored.pk)]["method_name"] == "'=1+1"
    assert by_id[str(scored.pk)]["method_name"] == "=1+1"
    assert (rows[str(waiting.pk)]["main"], by_id[str(waiting.pk)]["main"]) == ("", None)
    assert len(json.loads(client.get("/c/iqa/desk/submissions.json?state=scored").content)) == 1
    assert client.get("/c/iqa/desk/submissions.xml").status_code == 404


def test_a_bulk_action_asks_first_and_wants_a_reason(client, world, rung):
    """Codabench #2330, #2484, #2249: organisers mark and repair lost submissions by hand, in the database."""
    client.force_login(world.organiser)
    broken, other, scored = failed(world), failed(world, world.mallory), world.scored()
    chosen = {"chosen": [broken.pk, other.pk, scored.pk], "action": "again"}
    page = client.post("/c/iqa/desk/submissions/act/", chosen)
    assert b"Score again?" in page.content
    assert client.post("/c/iqa/desk/submissions/act/", {**chosen, "confirmed": "yes"}).status_code == 422
    assert Submission.objects.count() == 3
    answer = client.post(
        "/c/iqa/desk/submissions/act/", {**chosen, "confirmed": "yes", "reason": "worker died"}, follow=True
    )
    texts = [str(message) for message in answer.context["messages"]]
    assert texts[0] == "Score again: 2 of 3 done."
    assert "that failed" in texts[1]
    assert Submission.objects.filter(status="queued").count() == 2


def test_many_can_be_withdrawn_and_the_audit_log_says_by_whom(client, world, rung):
    client.force_login(world.organiser)
    waiting, scored = world.submit(), world.scored(world.mallory)
    data = {"chosen": [waiting.pk, scored.pk], "action": "withdraw", "confirmed": "yes", "reason": "asked by mail"}
    client.post("/c/iqa/desk/submissions/act/", data)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.phase_slot) == ("withdrawn", None)
    entry = AuditEntry.objects.get(act=Act.SUBMISSION_WITHDRAWN)
    assert (entry.actor, entry.reason) == (world.organiser, "asked by mail")
    withdraw(world.submit(), world.alice)
    assert AuditEntry.objects.filter(act=Act.SUBMISSION_WITHDRAWN).count() == 1  # not what a team does itself


def test_organisers_of_another_challenge_reach_none_of_its_submissions(client, world, rung):
    broken = failed(world)
    client.force_login(world.other_organiser)
    data = {"chosen": [broken.pk], "action": "again", "confirmed": "yes", "reason": "x"}
    assert client.post("/c/iqa/desk/submissions/act/", data).status_code == 404
    client.post("/c/other/desk/submissions/act/", data)
    assert Submission.objects.count() == 1
