"""A file made again beside the file that was sent: the same key and scorer, no quota, no board, a verdict."""

from typing import Any

from challenge.audit.models import Act, AuditEntry
from challenge.core.work import State
from challenge.datasets.services import _table
from challenge.leaderboards.board import board
from challenge.reports import reproductions
from challenge.reports.models import Reproduction
from challenge.reports.report import report_of
from challenge.reports.reproduction_run import compare
from challenge.rescorings.services import publish
from challenge.submissions.intake import quota_for
from challenge.submissions.models import Submission
from scoring import evaluate
from scoring.predictions import read_predictions
from tests.factories import hidden_mos, prediction_csv, upload
from tests.reports.made import collect, reproduced
from tests.rescorings.conftest import finished

OTHER = prediction_csv(0.8, 2)


def page(world) -> str:
    return f"/c/iqa/development/report/teams/{world.team.pk}/"


def entry_of(world, organiser=None):
    return next(one for one in report_of(world.development, world.organiser).teams if one.row.label == "Aces")


def test_the_same_file_again_is_within_any_tolerance(world):
    submission = world.scored()
    collect(world, tolerance=0)
    reproduced(world, submission, prediction_csv())
    found = entry_of(world).comparison
    assert (found.difference, found.within, found.verdict) == (0, True, "within tolerance")
    assert found.agreement == {
        **{"n": 60, "unmatched": 0, "differing": 0, "max_difference": 0.0, "mean_difference": 0.0, "srocc": 1.0},
    }


def test_another_file_is_scored_as_the_submission_was_and_judged_by_the_tolerance(world, client):
    submission = world.scored()
    quota, rows = [quota_for(world.development, world.alice, submission.received_at), board(world.development)]
    client.force_login(world.organiser)
    answer = client.post(page(world), {"file": upload(OTHER), "note": "seed 0"}, follow=True).content.decode()
    assert "A worker compares the two files" in answer
    assert "every 2s" in answer
    made = Reproduction.objects.get()
    compare(made.pk)
    first, again = (read_predictions(content).as_mapping() for content in (prediction_csv(), OTHER))
    expected = evaluate(again, hidden_mos(), bootstrap=0).to_dict()
    collect(world, tolerance=0.5)
    found = entry_of(world).comparison
    assert found.reproduced == expected["main"]
    assert found.submitted == submission.evaluations.get().result["main"]
    assert found.difference == found.reproduced - found.submitted
    assert found.agreement["max_difference"] == max(abs(first[name] - again[name]) for name in first)
    assert found.within is True
    collect(world, tolerance=abs(found.difference) / 2)
    assert entry_of(world).comparison.within is False
    text = client.get(f"{page(world)}status/").content.decode()
    assert "outside tolerance" in text
    assert f"{expected['main']:.4f}" in text
    assert "every 2s" not in text
    assert [quota_for(world.development, world.alice, submission.received_at), board(world.development)] == [
        quota,
        rows,
    ]
    assert Submission.objects.count() == 1
    entry = AuditEntry.objects.get(act=Act.REPRODUCTION)
    assert (entry.actor, entry.after["sha256"], entry.reason) == (world.organiser, made.sha256, "seed 0")


def test_a_file_with_errors_is_refused_by_line(world, client):
    world.scored()
    client.force_login(world.organiser)
    answer = client.post(page(world), {"file": upload(prediction_csv(img_003="good"))})
    assert answer.status_code == 422
    assert "Not accepted" in answer.content.decode()
    assert not Reproduction.objects.exists()


def test_a_constant_file_has_no_score_and_is_outside(world):
    submission = world.scored()
    constant = b"".join(line.split(b",")[0] + b",2.5\n" for line in prediction_csv().splitlines())
    reproduced(world, submission, constant)
    found = entry_of(world).comparison
    assert (found.reproduced, found.difference, found.within) == (None, None, False)
    assert found.agreement["srocc"] is None


def test_a_rescoring_has_it_compared_again(world, monkeypatch):
    submission = world.scored()
    made = reproduced(world, submission, OTHER)
    rescoring = finished(world)
    publish(rescoring, world.organiser)
    assert entry_of(world).comparison is None
    monkeypatch.setattr("challenge.core.work.ring_bell", lambda *_: True)
    assert reproductions.reconcile() == 1
    compare(made.pk)
    found = entry_of(world).comparison
    assert found.submitted == submission.evaluations.get(is_current=True).result["main"]
    assert found.submitted != submission.evaluations.get(is_current=False).result["main"]


def test_of_a_divided_key_the_part_decides_that_the_board_shows(world):
    world.development.public_share = 0.5
    world.development.save()
    submission = world.scored()
    made = reproduced(world, submission, OTHER)
    evaluation = submission.evaluations.get()
    assert entry_of(world).comparison.submitted == evaluation.result["main"]
    world.development.shows_private = True
    world.development.save()
    found = entry_of(world).comparison
    assert found.submitted == evaluation.private_result["main"]
    result: Any = made.result
    assert found.reproduced == result["private_scores"]["main"] != result["scores"]["main"]


def test_the_web_process_cannot_compare(world, settings):
    submission = world.scored()
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = ""
    _table.cache_clear()
    made = reproduced(world, submission, OTHER)
    assert (made.state, made.result) == (State.WAITING, None)
