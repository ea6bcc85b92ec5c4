"""A phase that splits its key: scores are shown on one part, the other decides at the end and is not told before."""

import datetime
import json

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

import scoring
from challenge.accounts.services import create_token
from challenge.analyses.analysis_run import analyse, draws_of
from challenge.datasets.halves import halves_of
from challenge.datasets.sealing import SealingError, unseal
from challenge.datasets.services import current_answer_key, shown_decimals
from challenge.leaderboards.board import board
from challenge.leaderboards.private import private_board
from challenge.submissions.models import Evaluation
from scoring.answer_key import read_answer_key
from scoring.halves import evaluate_half, split_halves
from tests.factories import IMAGES, answer_key_csv, new_answer_key, prediction_csv
from tests.test_blind import found_in, traces

PAGES = (
    "/c/iqa/",
    "/c/iqa/submissions/",
    "/c/iqa/development/leaderboard/",
    "/c/iqa/development/leaderboard/table/?exact=1",
    "/c/iqa/development/leaderboard.csv",
    "/submissions/{id}/",
    "/submissions/{id}/row/",
    "/api/v1/submissions/{id}",
    "/api/v1/phases/{phase}/leaderboard",
)


@pytest.fixture
def split(world):
    """The world whose development phase shows scores on half of the images, alike in generators."""
    phase = world.development
    phase.public_share, phase.split_column, phase.shows_fit = 0.5, "generator", False
    phase.full_clean()
    phase.save()
    return world


def the_end(phase):
    """The phase is over and the organisers show the private part."""
    phase.opens_at, phase.closes_at = (timezone.now() - datetime.timedelta(days=days) for days in (9, 1))
    phase.save()
    phase.shows_private = True
    phase.full_clean()
    phase.save()


def answers(client, world, user, submission):
    client.force_login(user)
    token = {"authorization": f"Bearer {create_token(user=user, name='t', scopes=['read'])[1]}"}
    addresses = [page.format(id=submission.pk, phase=world.development.pk) for page in PAGES]
    found = {}
    for address in addresses:
        headers = token if address.startswith("/api/") else {}
        found[address] = client.get(address, headers=headers).content.decode()
    return found


def test_results_are_the_librarys_on_both_parts(split):
    evaluation = split.scored().evaluations.get()
    analyse(evaluation.pk)
    evaluation.refresh_from_db()
    table = read_answer_key(answer_key_csv())
    halves = split_halves(table, unseal(bytes(split.development.split_secret)), share=0.5, column="generator")
    predictions = {line.split(",")[0]: float(line.split(",")[1]) for line in prediction_csv().decode().split()}
    public = evaluate_half(predictions, table, halves.public, subsets=[], bootstrap=0)
    private = evaluate_half(predictions, table, halves.private, subsets=[], bootstrap=0)
    assert (evaluation.result, evaluation.private_result) == (public.to_dict(), private.to_dict())
    assert evaluation.private_rank_value == round(private.main, 6)
    assert evaluation.analysis.result["n"] == len(halves.public) == 30
    expected = evaluate_half(predictions, table, halves.public, criteria=True)
    assert (draws_of(evaluation.analysis) == expected.draws).all()


def test_an_unsplit_phase_has_no_private_result(world):
    evaluation = world.scored().evaluations.get()
    assert (evaluation.private_result, evaluation.private_rank_value) == (None, None)
    assert halves_of(world.development, evaluation.answer_key) is None


def test_the_secret_is_sealed_made_once_and_kept_across_versions_of_the_key(split, settings):
    phase = split.development
    sealed = bytes(phase.split_secret)
    before = halves_of(phase, current_answer_key(phase))
    phase.title = "Another"
    phase.save()
    new_answer_key(phase, answer_key_csv())
    phase.refresh_from_db()
    assert bytes(phase.split_secret) == sealed
    assert len(unseal(sealed)) == 32
    assert halves_of(phase, current_answer_key(phase)) == before
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = ""
    with pytest.raises(SealingError):
        unseal(sealed)


def test_a_file_still_holds_all_names(split):
    key = current_answer_key(split.development)
    names = halves_of(split.development, key).public
    from challenge.submissions.intake import SubmissionRefused

    with pytest.raises(SubmissionRefused, match="missing"):
        split.submit(content="".join(f"{name},1\n" for name in names).encode())


def test_nobody_but_organisers_is_told_the_private_part_before_the_end(split, client):
    submission = split.scored()
    evaluation = submission.evaluations.get()
    # Rank correlations of so few images take few values: a private one may equal a public one.
    hidden = traces({**evaluation.private_result, "intervals": {}}) - traces({**evaluation.result, "intervals": {}})
    for user in (split.alice, split.mallory, split.outsider, split.other_organiser):
        for address, text in answers(client, split, user, submission).items():
            assert not found_in(text, hidden), (user, address)
    assert "public part" in answers(client, split, split.alice, submission)["/c/iqa/"]
    page = answers(client, split, split.organiser, submission)[f"/submissions/{submission.pk}/"]
    assert f"{evaluation.private_result['main']:.4f}" in page


def test_words_that_tell_which_images_are_scored_are_for_organisers(split, client):
    content = "".join(f"{name},3\n" for name in IMAGES).encode()
    submission = split.scored(content=content)
    reason = submission.evaluations.get().result["reasons"]["main"]
    for user, sees in ((split.alice, False), (split.organiser, True)):
        found = json.loads(answers(client, split, user, submission)[f"/api/v1/submissions/{submission.pk}"])
        assert (reason in found["evaluation"]["reasons"].values()) is sees
        assert bool(found["evaluation"]["warnings"]) is (sees and bool(submission.evaluations.get().result["warnings"]))
    board_text = answers(client, split, split.mallory, submission)["/c/iqa/development/leaderboard/"]
    assert reason not in board_text


def test_at_the_end_the_private_part_of_what_the_public_one_chose_decides(split, client):
    good, best = split.scored(noise=0.4, seed=5), split.scored(noise=0.4, seed=6)
    rival = split.scored(split.mallory, noise=0.4, seed=7)
    # Whatever the files are: the public part prefers `best`, the private one `good`, and the rival is between.
    for submission, public, private in ((good, 0.5, 0.9), (best, 0.6, 0.7), (rival, 0.4, 0.8)):
        evaluation = submission.evaluations.get()
        evaluation.rank_value, evaluation.private_rank_value = public, private
        evaluation.private_result["main"] = private
        evaluation.save()
    assert [row.label for row in board(split.development)] == ["Aces", "Rivals"]
    the_end(split.development)
    rows = private_board(split.development)
    assert [(row.rank, row.label, row.submission_id, row.scores["main"]) for row in rows] == [
        (1, "Rivals", rival.pk, 0.8),
        (2, "Aces", best.pk, 0.7),
    ]
    text = answers(client, split, split.outsider, best)["/c/iqa/development/leaderboard/"]
    assert text.index("Rivals") < text.index("Aces")
    assert "private part of the images has decided" in text
    api = json.loads(answers(client, split, split.alice, best)[f"/api/v1/submissions/{best.pk}"])
    assert api["private_scores"]["main"] == 0.7
    assert "being worked out" not in text


def test_a_frozen_board_of_the_private_part_shows_what_came_before(split, client):
    old, late = split.scored(), split.scored(split.mallory)
    reference = timezone.now() - datetime.timedelta(days=3)
    type(old).objects.filter(pk=old.pk).update(received_at=reference)
    split.development.board_frozen_at = reference + datetime.timedelta(days=1)
    the_end(split.development)
    assert [row.submission_id for row in private_board(split.development, split.development.board_frozen_at)] == [
        old.pk
    ]
    address = "/c/iqa/development/leaderboard"
    for user, sees in ((split.alice, False), (split.organiser, True)):
        client.force_login(user)
        assert ("Rivals" in client.get(f"{address}/").content.decode()) is sees
        assert ("Rivals" in client.get(f"{address}.csv").content.decode()) is sees
    assert late.pk in {row.submission_id for row in private_board(split.development)}


def test_late_rows_stay_below_without_a_rank_when_the_private_part_decides(split):
    in_time, late = split.scored(noise=2.0), split.scored(split.mallory, noise=0.01)
    type(late).objects.filter(pk=late.pk).update(is_late=True)
    the_end(split.development)
    rows = private_board(split.development)
    assert [(row.rank, row.submission_id) for row in rows] == [(1, in_time.pk), (None, late.pk)]


def test_undefined_private_scores_have_no_rank(split):
    submission = split.scored()
    Evaluation.objects.update(private_rank_value=None)
    the_end(split.development)
    assert [(row.rank, row.submission_id) for row in private_board(split.development)] == [(None, submission.pk)]


def test_with_a_ladder_the_submission_behind_the_shown_score_counts(split):
    from challenge.analyses.release_run import release

    split.development.release_rule = "ladder"
    split.development.full_clean()
    split.development.save()
    shown = split.scored(noise=0.5)
    split.scored(noise=0.45)
    for submission in (shown, split.scored(noise=2.0)):
        analyse(submission.evaluations.get().pk)
    release(shown.evaluations.get().pk)
    the_end(split.development)
    (row,) = private_board(split.development)
    assert row.submission_id == shown.pk
    assert row.scores["krocc"] == shown.evaluations.get().private_result["krocc"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"public_share": 1.0}, "public_share"),
        ({"public_share": 0.001}, "public_share"),
        ({"public_share": None}, "split_column"),
        ({"split_column": "camera"}, "split_column"),
        ({"shows_private": True}, "shows_private"),
    ],
)
def test_what_cannot_be_split_or_shown_is_named_beside_its_field(split, changes, field):
    for name, value in changes.items():
        setattr(split.development, name, value)
    with pytest.raises(ValidationError) as refused:
        split.development.full_clean()
    assert field in refused.value.message_dict


@pytest.mark.parametrize("changes", [{"public_share": 0.4}, {"split_column": ""}])
def test_the_split_cannot_change_once_files_are_there(split, changes):
    split.submit()
    for name, value in changes.items():
        setattr(split.development, name, value)
    with pytest.raises(ValidationError, match="other images"):
        split.development.full_clean()


def test_the_database_refuses_a_share_outside_0_to_1_and_an_end_without_a_split(world):
    for changes in ({"public_share": 1.5}, {"shows_private": True}):
        for name, value in changes.items():
            setattr(world.development, name, value)
        with pytest.raises(IntegrityError), transaction.atomic():
            world.development.save()
        world.development.refresh_from_db()


def test_decimals_follow_the_number_of_images_scored(world):
    phase = world.development
    phase.release_rule, phase.shows_fit = "ladder", False
    key = current_answer_key(phase)
    key.rows = 250
    key.save()
    assert shown_decimals(phase) == 3
    phase.public_share = 0.5
    assert shown_decimals(phase) == scoring.ladder.board_decimals(125) == 2
