"""The board equals a brute-force recomputation, whatever was scored; undefined and failed rows never rank."""

import datetime
import math
import uuid

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from challenge.contests.models import Phase, Team
from challenge.datasets.services import current_answer_key
from challenge.leaderboards.board import board
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.models import Evaluation, Score, Submission
from challenge.submissions.scoring_run import score
from challenge.submissions.services import choose
from tests.factories import IMAGES, upload

MAIN = st.one_of(st.none(), st.sampled_from([0.5, 0.25, -0.25]), st.floats(-1, 1))


def add_scored(world, team, main: float | None, minute: int, *, chosen: bool = False, status: str = "scored"):
    """A scored submission with this main score, made directly: the board is what is tested here."""
    at = world.development.opens_at + datetime.timedelta(minutes=minute)
    submission = Submission.objects.create(
        phase=world.development,
        team=team,
        kind="participant" if team else "reference",
        method_name="m" if team else f"reference {minute}",
        status=status,
        file_name="f",
        file_size=1,
        sha256="0",
        rows=1,
        received_at=at,
        quota_day=at.date(),
        day_slot=minute if team else None,
        phase_slot=minute if team else None,
        is_chosen=chosen,
    )
    evaluation = Evaluation.objects.create(
        id=uuid.uuid4(),
        submission=submission,
        answer_key=current_answer_key(world.development),
        scorer_version="t",
        formula="srocc",
        rank_value=None if main is None else round(main, 6),
        result={"main": main, "reasons": {} if main is not None else {"main": "constant"}},
        duration_ms=1.0,
    )
    if main is not None:
        Score.objects.create(evaluation=evaluation, metric="main", value=main)
    return submission


def brute_force(rule: str, entries: list[tuple[int, float | None, bool]]) -> dict[int, tuple[int | None, float | None]]:
    """Team -> (rank, main), from the definition: pick one entry for each team, then count better distinct values."""
    picked: dict[int, float | None] = {}
    for team in {team for team, _, _ in entries}:
        mine = [(number, main, chosen) for number, (owner, main, chosen) in enumerate(entries) if owner == team]
        if rule == "best":
            defined = [(round(main, 6), -number, main) for number, main, _ in mine if main is not None]
            picked[team] = max(defined)[2] if defined else None  # of equal ones the first
        else:
            choice = [main for _, main, chosen in mine if chosen] if rule == "chosen" else []
            picked[team] = choice[0] if choice else mine[-1][1]
    values = {team: None if main is None else round(main, 6) for team, main in picked.items()}
    return {
        team: (
            None if value is None else 1 + len({v for v in values.values() if v is not None and v > value}),
            picked[team],
        )
        for team, value in values.items()
    }


@pytest.mark.parametrize("rule", ["best", "last", "chosen"])
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(st.tuples(st.integers(0, 4), MAIN, st.booleans()), max_size=16))
def test_it_equals_a_brute_force_recomputation(world, rule, entries):
    Submission.objects.all().delete()
    world.development.board_rule = rule
    teams = [Team.objects.get_or_create(challenge=world.challenge, name=f"T{n}")[0] for n in range(5)]
    seen: set[int] = set()
    unique = []
    for team, main, chosen in entries:  # a team chooses at most one
        unique.append((team, main, chosen and team not in seen))
        if chosen:
            seen.add(team)
    for minute, (team, main, chosen) in enumerate(unique, start=1):
        add_scored(world, teams[team], main, minute, chosen=chosen)
    expected = {teams[team].pk: outcome for team, outcome in brute_force(rule, unique).items()}
    rows = board(world.development)
    assert {row.team_id: (row.rank, row.scores.get("main")) for row in rows} == expected
    order = [row.rank_value for row in rows]
    defined = [value for value in order if value is not None]
    assert defined == sorted(defined, reverse=True)
    assert order[len(defined) :] == [None] * (len(order) - len(defined))


def test_equal_scores_share_a_rank_and_the_next_rank_follows_at_once(world):
    third = Team.objects.create(challenge=world.challenge, name="Third")
    add_scored(world, world.team, 0.5, 2)
    add_scored(world, world.other_team, 0.5 + 1e-9, 1)
    add_scored(world, third, 0.4, 3)
    assert [(row.rank, row.label) for row in board(world.development)] == [(1, "Rivals"), (1, "Aces"), (2, "Third")]


def test_reference_rows_stand_in_their_place_without_a_rank(world):
    add_scored(world, world.team, 0.5, 1)
    add_scored(world, None, 0.9, 2)
    add_scored(world, None, 0.1, 3)
    add_scored(world, None, None, 4)
    assert [(row.rank, row.is_reference) for row in board(world.development)] == [
        (None, True),
        (1, False),
        (None, True),
        (None, True),
    ]


def test_an_undefined_score_is_last_without_a_rank_and_says_why(world):
    world.scored(world.mallory)
    world.scored(content="".join(f"{name},1\n" for name in IMAGES).encode())
    rows = board(world.development)
    assert [(row.rank, row.label) for row in rows] == [(1, "Rivals"), (None, "Aces")]
    assert "same" in rows[1].reason


def test_a_reference_row_goes_the_same_road(world):
    content = "".join(f"{name},{number}\n" for number, name in enumerate(IMAGES)).encode()
    submission = receive_reference(
        phase=world.development, upload=upload(content), method=Method(name="Counting"), actor=world.admin
    )
    score(submission.pk)
    row = board(world.development)[0]
    assert (row.rank, row.label, row.is_reference) == (None, "Counting", True)
    assert math.isfinite(row.scores["main"])


def test_choosing_moves_the_choice(world):
    world.final.board_rule = "chosen"
    first = world.scored(phase=world.final, noise=0.1)
    second = world.scored(phase=world.final, noise=2.0, seed=3)
    assert board(world.final)[0].submission_id == second.pk  # the last one until there is a choice
    assert choose(first, world.alice)
    assert board(world.final)[0].submission_id == first.pk
    assert choose(second, world.bob)
    assert board(world.final)[0].submission_id == second.pk
    assert Submission.objects.filter(is_chosen=True).count() == 1


def test_the_number_of_queries_does_not_grow(world, django_assert_num_queries):
    for number in range(12):
        team = Team.objects.create(challenge=world.challenge, name=f"N{number}")
        add_scored(world, team, number / 20, number + 1)
    with django_assert_num_queries(7):
        assert len(board(world.development)) == 12


def test_the_page_follows_a_new_score_at_once(world, client):
    client.force_login(world.outsider)
    url = f"/c/iqa/{world.development.slug}/leaderboard/"
    assert "Aces" not in client.get(url).content.decode()
    world.scored()
    assert "Aces" in client.get(url).content.decode()


def test_visitors_share_a_page_for_a_second_and_no_session_is_made(world, client, django_assert_num_queries):
    url = "/c/iqa/development/leaderboard/"
    first = client.get(url)
    assert not first.cookies
    assert "private" in first["Cache-Control"]
    with django_assert_num_queries(0):
        assert client.get(url).content == first.content


def test_the_table_answers_not_modified_until_something_changed(world, client):
    url = "/c/iqa/development/leaderboard/table/"
    first = client.get(url)
    assert client.get(url, headers={"if-none-match": first["ETag"]}).status_code == 304
    world.scored()
    again = client.get(url, headers={"if-none-match": first["ETag"]})
    assert again.status_code == 200
    assert "Aces" in again.content.decode()


def test_the_export_has_full_precision_and_no_formulas(world, client):
    Team.objects.filter(pk=world.team.pk).update(name="=1+1")
    submission = world.scored()
    text = client.get("/c/iqa/development/leaderboard.csv").content.decode()
    header, line = text.splitlines()
    assert header.startswith("rank,name,method,kind,entries,main,srocc,krocc,plcc,rmse")
    cells = line.split(",")
    assert cells[1] == "'=1+1"
    assert float(cells[5]) == submission.evaluations.get().result["main"]


def test_times_are_aware(world):
    world.scored()
    assert timezone.is_aware(board(world.development)[0].received_at)


def test_a_new_rule_and_a_new_name_show_at_once(world, client):
    world.scored(noise=0.1)
    url = "/c/iqa/development/leaderboard/table/"
    first = client.get(url)
    world.development.board_rule = "last"
    world.development.save()
    second = client.get(url, headers={"if-none-match": first["ETag"]})
    assert second.status_code == 200
    client.force_login(world.organiser)
    form = {"name": "Renamed", "registrations-TOTAL_FORMS": "0", "registrations-INITIAL_FORMS": "0"}
    assert client.post(f"/admin/contests/team/{world.team.pk}/change/", form).status_code == 302
    third = client.get(url, headers={"if-none-match": second["ETag"]})
    assert third.status_code == 200
    assert "Renamed" in third.content.decode()


def test_saving_a_phase_that_was_read_before_a_result_does_not_turn_the_board_back(world):
    stale = Phase.objects.get(pk=world.development.pk)
    world.scored()
    stale.title = "Renamed"
    stale.save()
    stale.refresh_from_db()
    assert (stale.title, stale.board_version) == ("Renamed", 1)


def test_a_message_for_one_visitor_is_not_shown_to_another(world, client):
    url = "/c/iqa/development/leaderboard/"
    client.force_login(world.alice)
    client.post("/accounts/logout/", {"next": url})
    assert "signed out" in client.get(url).content.decode()
    assert "signed out" not in Client().get(url).content.decode()


def test_choosing_leaves_a_trace(world):
    submission = world.scored(phase=world.final)
    choose(submission, world.bob)
    event = submission.events.last()
    assert (event.actor, event.reason) == (world.bob, "chosen to count for the team")
