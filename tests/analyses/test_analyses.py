"""Intervals, subsets, the comparison of a board: second tasks that never delay a score and always come in the end."""

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

import scoring
from challenge.analyses import tasks
from challenge.analyses.analysis_run import analyse, draws_of
from challenge.analyses.comparison_run import compare
from challenge.analyses.models import Analysis, Comparison
from challenge.analyses.services import analyse_again, reconcile
from challenge.contests.models import Phase, Team
from challenge.core import work
from challenge.core.whiskers import Whiskers
from challenge.datasets.sealing import SealingError
from challenge.datasets.services import open_answer_key
from challenge.leaderboards.board import board
from challenge.submissions.models import Evaluation, Submission
from tests.factories import answer_key_csv, prediction_csv


@pytest.fixture
def bells(monkeypatch):
    """(task name, argument) of every call for a worker, instead of a broker."""
    calls = []

    def ring_bell(task, *arguments):
        calls.append((task.name, str(arguments[0])))
        return True

    monkeypatch.setattr(work, "ring_bell", ring_bell)
    monkeypatch.setattr("challenge.analyses.services.ring_bell", ring_bell)
    return calls


def analysed(world, *args, **kwargs):
    """A submission with its score and its analysis, and the board compared."""
    submission = world.scored(*args, **kwargs)
    analyse(submission.evaluations.get().pk)
    compare(submission.phase_id)
    return submission


def lose_worker(analysis):
    past = timezone.now() - datetime.timedelta(seconds=1)
    Analysis.objects.filter(pk=analysis.pk).update(lease_expires_at=past, next_ring_at=past)


def test_the_score_comes_first_and_the_analysis_waits(world, bells, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        submission = world.scored()
    evaluation = submission.evaluations.get()
    assert submission.status == "scored"
    assert evaluation.result["subsets"] == {}
    assert evaluation.analysis.state == "waiting"
    assert ("analyses.analyse", str(evaluation.pk)) in bells


def test_the_analysis_is_the_librarys_evaluation_to_the_last_digit(world, tmp_path):
    evaluation = analysed(world).evaluations.get()
    key, predictions = tmp_path / "key.csv", tmp_path / "predictions.csv"
    key.write_bytes(answer_key_csv())
    predictions.write_bytes(prediction_csv())
    expected = scoring.evaluate(predictions, key, criteria=True)
    assert evaluation.analysis.state == "done"
    assert evaluation.analysis.result == expected.to_dict()
    assert set(evaluation.analysis.result["subsets"]["generator"]["alpha"]["intervals"]) == {
        *("main", "srocc", "krocc", "plcc", "rmse")
    }
    assert (draws_of(evaluation.analysis) == expected.draws).all()


def test_the_draws_are_sealed(world, settings):
    analysis = analysed(world).evaluations.get().analysis
    draws = draws_of(analysis)
    assert draws.tobytes()[:16] not in bytes(analysis.sealed_draws)
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = ""
    with pytest.raises(SealingError):
        draws_of(analysis)


def test_a_second_delivery_does_nothing(world):
    evaluation = analysed(world).evaluations.get()
    before = evaluation.analysis.finished_at
    analyse(evaluation.pk)
    evaluation.analysis.refresh_from_db()
    assert (evaluation.analysis.finished_at, evaluation.analysis.attempts) == (before, 1)


def test_a_worker_without_the_private_key_leaves_the_analysis_waiting(world, settings):
    from challenge.datasets import services

    evaluation = world.scored().evaluations.get()
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = ""
    services._table.cache_clear()
    analyse(evaluation.pk)
    evaluation.analysis.refresh_from_db()
    assert (evaluation.analysis.state, evaluation.analysis.attempts) == ("waiting", 0)


def test_a_lost_worker_is_replaced_and_writes_nothing_when_it_comes_back(world, bells):
    evaluation = world.scored().evaluations.get()
    first = work.claim(Analysis, evaluation.pk)
    assert work.claim(Analysis, evaluation.pk) is None
    lose_worker(evaluation.analysis)
    assert reconcile() == 1
    assert work.claim(Analysis, evaluation.pk).attempt == 2
    assert not work.finish(first, work.State.DONE)
    assert Analysis.objects.get().state == "running"


def test_an_analysis_that_kills_every_worker_is_given_up(world, bells, settings):
    evaluation = world.scored().evaluations.get()
    for _ in range(settings.SCORING_MAX_ATTEMPTS):
        assert work.claim(Analysis, evaluation.pk)
        lose_worker(evaluation.analysis)
    reconcile()
    analysis = Analysis.objects.get()
    assert (analysis.state, "our side" in analysis.failure) == ("failed", True)


def test_an_error_is_tried_again_and_fails_after_the_last_attempt(world, monkeypatch, settings):
    evaluation = world.scored().evaluations.get()
    monkeypatch.setattr(scoring, "evaluate", lambda *_, **__: 1 / 0)
    for attempt in range(1, settings.SCORING_MAX_ATTEMPTS + 1):
        analyse(evaluation.pk)
        analysis = Analysis.objects.get()
        assert (analysis.attempts, analysis.lease_token) == (attempt, None)
        assert analysis.state == ("failed" if attempt == settings.SCORING_MAX_ATTEMPTS else "waiting")


def test_scores_that_cannot_be_reproduced_get_no_intervals(world):
    evaluation = world.scored().evaluations.get()
    evaluation.result["srocc"] += 1e-15
    evaluation.save()
    analyse(evaluation.pk)
    analysis = Analysis.objects.get()
    assert (analysis.state, analysis.result) == ("failed", None)
    assert "could not be reproduced" in analysis.failure


def test_scores_of_another_scorer_are_not_mixed_with_intervals_of_this_one(world):
    evaluation = world.scored().evaluations.get()
    Evaluation.objects.update(scorer_version="0.1")
    analyse(evaluation.pk)
    assert "Score it again" in Analysis.objects.get().failure


def test_finished_analyses_can_be_made_again(world):
    evaluation = analysed(world).evaluations.get()
    assert analyse_again(Evaluation.objects.filter(submission__phase=world.development)) == 1
    assert Analysis.objects.get().state == "waiting"
    analyse(evaluation.pk)
    assert Analysis.objects.get().state == "done"


def test_the_database_holds_no_finished_analysis_without_a_result(world):
    world.scored()
    with pytest.raises(IntegrityError), transaction.atomic():
        Analysis.objects.update(state="done")
    with pytest.raises(IntegrityError), transaction.atomic():
        Analysis.objects.update(state="running")


# --- comparison of a board --------------------------------------------------------------------------------------------


def fill(world, noises):
    """One analysed submission for each noise, by teams of their own."""
    from challenge.contests.services import join_challenge
    from tests.factories import make_user

    for number, noise in enumerate(noises):
        user = make_user(f"user{number}")
        join_challenge(user=user, challenge=world.challenge, team_name=f"Team {number}", accepts_terms=True)
        analyse(world.scored(user, noise=noise, seed=number).evaluations.get().pk)


def test_the_board_shows_what_the_library_finds(world):
    fill(world, [0.1, 0.12, 0.11, 1.5, 3.0])
    compare(world.development.pk)
    rows = board(world.development)
    evaluations = {}
    key = open_answer_key(world.development.answer_keys.get())
    for row in rows:
        submission = Submission.objects.get(pk=row.submission_id)
        evaluations[str(row.evaluation_id)] = scoring.evaluate(submission.file.path, key, bootstrap=0)
    expected = {row["name"]: row for row in scoring.compare(evaluations).table}
    for row in rows:
        found = expected[str(row.evaluation_id)]
        assert (row.rank, row.rank_interval, row.first, row.group) == (
            found["rank"],
            found["rank_interval"],
            found["first"],
            found["group"],
        )
        assert row.interval == found["interval"]
    assert rows[0].group == rows[1].group == 1
    assert rows[-1].group == 2


def test_a_comparison_of_other_rows_is_not_shown(world):
    fill(world, [0.1, 0.12])
    compare(world.development.pk)
    assert board(world.development)[0].group == 1
    world.scored(noise=0.01)
    rows = board(world.development)
    assert [row.group for row in rows] == [None, None, None]
    assert rows[0].interval is None
    assert rows[1].interval is not None


def test_a_board_is_compared_once_its_analyses_are_there_and_only_when_it_changed(world, bells):
    submission = world.scored()
    compare(world.development.pk)
    assert not Comparison.objects.exists()
    analyse(submission.evaluations.get().pk)
    assert reconcile() == 1
    assert ("analyses.compare", str(world.development.pk)) in bells
    compare(world.development.pk)
    first = Comparison.objects.get()
    assert first.rings == 0
    assert reconcile() == 0
    # Something that no comparison looks at.
    Phase.objects.filter(pk=world.development.pk).update(board_version=99)
    assert reconcile() == 1
    compare(world.development.pk)
    second = Comparison.objects.get()
    assert (second.compared_at, second.board_version) == (first.compared_at, 99)
    assert reconcile() == 0


def test_undefined_scores_and_reference_rows_are_not_compared(world):
    fill(world, [0.1])
    world.scored(content="".join(f"img_{i:03d}.png,3\n" for i in range(60)).encode())
    analyse(Evaluation.objects.get(rank_value=None).pk)
    compare(world.development.pk)
    assert [(row.rank, row.group) for row in board(world.development)] == [(1, 1), (None, None)]


def test_an_empty_board_is_compared_without_harm(world):
    compare(world.development.pk)
    assert Comparison.objects.get().table == {}


# --- pages ------------------------------------------------------------------------------------------------------------


def page(client, world, who=None):
    client.logout()
    if who:
        client.force_login(who)
    return client.get("/c/iqa/development/leaderboard/table/").content.decode()


def test_the_table_has_intervals_groups_and_rank_intervals_as_the_organiser_chose(world, client):
    fill(world, [0.1, 0.12, 3.0])
    assert "Which ranks are real is being worked out" in page(client, world)
    compare(world.development.pk)
    text = page(client, world)
    assert "95 % interval" in text
    assert text.count("group 1") == 2
    assert text.count("group 2") == 1
    assert "1 to 2" in text
    assert text.count('class="whisker"') == 3
    world.development.rank_display = "strict"
    world.development.save()
    text = page(client, world)
    assert "group 1" not in text
    assert "1 to 2" in text
    world.development.rank_display = "groups"
    world.development.save()
    text = page(client, world)
    assert ">Group</th>" in text
    assert "1 to 2" not in text


def test_a_submissions_page_waits_for_its_intervals_and_then_shows_them(world, client):
    submission = world.scored()
    client.force_login(world.alice)
    text = client.get(submission.get_absolute_url()).content.decode()
    assert "being worked out" in text
    assert "hx-get" in text
    analyse(submission.evaluations.get().pk)
    text = client.get(submission.get_absolute_url()).content.decode()
    low, high = submission.evaluations.get().analysis.result["intervals"]["main"]
    assert f"{low:.4f} to {high:.4f}" in text
    assert "Scores by generator" in text
    assert "hx-get" not in text


def test_a_failed_analysis_is_said_on_the_page(world, client):
    submission = world.scored()
    Analysis.objects.update(state="failed", failure="It took too long.")
    client.force_login(world.alice)
    text = client.get(submission.get_absolute_url()).content.decode()
    assert "No intervals: It took too long." in text


def test_the_export_and_the_api_have_the_same(world, client):
    fill(world, [0.1, 3.0])
    compare(world.development.pk)
    rows = board(world.development)
    header, first, _ = client.get("/c/iqa/development/leaderboard.csv").content.decode().splitlines()
    line = dict(zip(header.split(","), first.split(","), strict=True))
    assert [float(line["main_low"]), float(line["main_high"])] == rows[0].interval
    assert (line["rank_low"], line["rank_high"], line["group"]) == ("1", "1", "1")
    found = client.get(f"/api/v1/phases/{world.development.pk}/leaderboard").json()
    assert [(row["interval"], row["rank_interval"], row["group"]) for row in found] == [
        (row.interval, row.rank_interval, row.group) for row in rows
    ]


def test_names_of_the_tasks_lead_to_the_queue_of_their_own(settings):
    assert settings.CELERY_TASK_ROUTES["analyses.*"] == {"queue": "analysis"}
    assert {tasks.analyse.name, tasks.compare.name} == {"analyses.analyse", "analyses.compare"}


def test_a_team_that_is_renamed_stays_compared(world):
    fill(world, [0.1, 3.0])
    compare(world.development.pk)
    Team.objects.filter(name="Team 0").update(name="Zebra")
    assert board(world.development)[0].group == 1


def test_one_bad_row_does_not_squeeze_the_others():
    values = [0.8, 0.79, -0.7]
    intervals = [[value - 0.01, value + 0.01] for value in values]
    whisker = Whiskers(intervals, lines=[0.79])
    assert whisker.high - whisker.low == pytest.approx(0.16)
    first, second, last = map(whisker, values, intervals)
    assert "<circle" in first
    assert "reference-line" in second
    assert "<circle" not in last
    assert "-0.7100 to -0.6900" in last
    assert "<svg" not in whisker(0.95, [0.94, 0.96])  # a noise ceiling far above
    assert "0.94 to 0.96" in Whiskers(intervals, decimals=2)(0.95, [0.94, 0.96])
    assert Whiskers([])(0.8, None) == ""
