"""Gates, late files, the freeze of a board, the end of the choice."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from challenge.analyses.analysis_run import analyse
from challenge.analyses.release_run import release
from challenge.contests.deadlines import freeze_board
from challenge.leaderboards.board import board
from challenge.leaderboards.released import released_board
from challenge.submissions.intake import SubmissionRefused, dry_run
from challenge.submissions.models import Submission
from challenge.submissions.services import choose
from tests.factories import prediction_csv, upload

DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def gated(world):
    """The final phase lets in only teams with a scored submission in the development phase."""
    world.final.gate = world.development
    world.final.is_blind = False
    world.final.full_clean()
    world.final.save()
    return world


def close(phase, ago, late_for=None):
    """Move the phase's dates so that it closed `ago`, and takes late files for `late_for` after that."""
    now = timezone.now()
    phase.opens_at, phase.closes_at = now - 30 * DAY, now - ago
    phase.late_until = phase.closes_at + late_for if late_for else None
    phase.save()
    return phase


# --- gates ------------------------------------------------------------------------------------------------------------
def test_a_gate_lets_in_who_has_a_scored_submission_and_nobody_else(gated):
    gated.scored(gated.alice)
    assert gated.submit(gated.bob, gated.final).status == "queued"  # of the same team
    with pytest.raises(SubmissionRefused, match="a scored submission in «Development»") as refused:
        gated.submit(gated.mallory, gated.final)
    assert refused.value.code == "gate_closed"
    assert not Submission.objects.filter(phase=gated.final, team=gated.other_team).exists()


def test_a_submission_that_still_waits_or_was_withdrawn_does_not_open_a_gate(gated):
    gated.submit(gated.alice)
    with pytest.raises(SubmissionRefused):
        gated.submit(gated.alice, gated.final)


def test_a_gate_can_ask_for_a_main_score_and_says_so(gated):
    gated.final.gate_minimum = 0.9
    gated.final.save()
    gated.scored(gated.alice, noise=0.05)
    gated.scored(gated.mallory, noise=5)
    assert gated.submit(gated.alice, gated.final)
    with pytest.raises(SubmissionRefused, match=r"with a main score of at least 0\.9"):
        gated.submit(gated.mallory, gated.final)


def test_a_late_submission_does_not_open_a_gate(gated):
    close(gated.development, ago=HOUR, late_for=2 * HOUR)
    assert gated.scored(gated.alice).is_late
    with pytest.raises(SubmissionRefused):
        gated.submit(gated.alice, gated.final)


def test_a_dry_run_stops_at_the_gate_too_because_errors_name_images(gated):
    with pytest.raises(SubmissionRefused) as refused:
        dry_run(gated.final, gated.alice, upload(b"name,score\n"), timezone.now())
    assert refused.value.code == "gate_closed"


def test_the_starter_kit_stays_behind_the_gate_too(client, gated):
    gated.final.opens_at = timezone.now() - HOUR
    gated.final.save()
    client.force_login(gated.alice)
    assert client.get("/c/iqa/final/starter-kit.zip").status_code == 404
    gated.scored()
    response = client.get("/c/iqa/final/starter-kit.zip")
    response.close()
    assert response.status_code == 200


def test_pages_say_what_a_gate_asks_for_and_hide_the_form(client, gated):
    client.force_login(gated.alice)
    page = client.get("/c/iqa/").content.decode()
    assert "Your team has none yet." in page
    form = client.get("/c/iqa/final/submit/").content.decode()
    assert "This phase is for teams that have a scored submission in «Development»" in form
    assert 'type="file"' not in form
    assert "img_000" not in form
    gated.scored(gated.alice)
    assert 'type="file"' in client.get("/c/iqa/final/submit/").content.decode()
    assert "Your team has none yet." not in client.get("/c/iqa/").content.decode()


def test_the_api_answers_403_at_a_gate(client, gated):
    from challenge.accounts.services import create_token

    token = create_token(user=gated.alice, name="t", scopes=["read", "submit"])[1]
    response = client.post(
        f"/api/v1/phases/{gated.final.pk}/submissions",
        {"file": upload(prediction_csv())},
        headers={"authorization": f"Bearer {token}"},
    )
    assert (response.status_code, response.json()["code"]) == (403, "gate_closed")
    phases = client.get("/api/v1/challenges/iqa").json()["phases"]
    assert [phase["gate_id"] for phase in phases] == [None, str(gated.development.pk)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gate": "final"}, "comes before"),
        ({"gate": "other"}, "same challenge"),
        ({"gate_minimum": 0.5}, "needs a gate"),
        ({"gate": "development", "gate_minimum": float("inf")}, "finite"),
        ({"gate": "blind", "gate_minimum": 0.5}, "blind"),
        ({"gate": "ladder", "gate_minimum": 0.5}, "Ladder"),
        ({"release_rule": "ladder", "late_until": timezone.now() + 400 * DAY}, "no late files"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused_by_name(world, fields, message):
    from tests.factories import make_phase

    others = {
        "development": world.development,
        "final": world.final,
        "blind": world.development,
        "ladder": world.development,
    }
    if fields.get("gate") == "other":
        others["other"] = make_phase(world.other_team.challenge.__class__.objects.get(slug="other"), "elsewhere")
    if fields.get("gate") == "blind":
        world.development.shows_fit, world.development.is_blind = False, True
    if fields.get("gate") == "ladder":
        world.development.shows_fit, world.development.release_rule = False, "ladder"
    fields = {**fields, **({"gate": others[fields["gate"]]} if "gate" in fields else {})}
    for name, value in fields.items():
        setattr(world.final, name, value)
    with pytest.raises(ValidationError, match=message):
        world.final.full_clean()


def test_the_database_holds_the_rules_of_dates_and_gates(world):
    phase = world.final
    for wrong in (
        {"late_until": phase.closes_at},
        {"choice_until": phase.opens_at},
        {"board_frozen_at": phase.opens_at},
        {"gate": phase},
        {"gate_minimum": 0.5},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            type(phase).objects.filter(pk=phase.pk).update(**wrong)


# --- late files -------------------------------------------------------------------------------------------------------
def test_a_late_file_is_scored_marked_and_has_no_rank(world):
    """EvalAI #3135, Hugging Face competitions #3: late files, scored without a rank."""
    in_time = world.scored(world.alice, noise=1.5, began_at=timezone.now() - 2 * HOUR)
    close(world.development, ago=HOUR, late_for=2 * HOUR)
    late = world.scored(world.alice, noise=0.05)  # much better, too late
    alone = world.scored(world.mallory, noise=0.5)
    assert (late.status, late.is_late, in_time.is_late) == ("scored", True, False)
    rows = board(world.development)
    assert [(row.rank, row.submission_id, row.is_late) for row in rows] == [
        (1, in_time.pk, False),
        (None, late.pk, True),
        (None, alone.pk, True),
    ]


def test_late_files_are_taken_until_the_moment_they_end_and_only_where_allowed(world):
    phase = close(world.development, ago=3 * HOUR, late_for=2 * HOUR)
    second = datetime.timedelta(seconds=1)
    assert not world.submit(began_at=phase.closes_at - second).is_late
    assert world.submit(began_at=phase.closes_at).is_late
    assert world.submit(began_at=phase.late_until - second).is_late
    with pytest.raises(SubmissionRefused, match="took late files until"):
        world.submit(began_at=phase.late_until)
    close(phase, ago=HOUR)
    with pytest.raises(SubmissionRefused) as refused:
        world.submit()
    assert refused.value.code == "phase_closed"


def test_late_files_use_the_same_quota(world):
    phase = close(world.development, ago=HOUR, late_for=2 * HOUR)
    phase.daily_quota = phase.total_quota = 1
    phase.save()
    world.submit()
    with pytest.raises(SubmissionRefused) as refused:
        world.submit(seed=2)
    assert refused.value.code == "quota_spent"


def test_a_late_file_cannot_be_chosen(world):
    close(world.final, ago=HOUR, late_for=2 * HOUR)
    late = world.scored(world.alice, world.final)
    assert not choose(late, world.alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=late.pk).update(is_chosen=True)


def test_pages_and_exports_say_late(client, world):
    close(world.development, ago=HOUR, late_for=2 * HOUR)
    late = world.scored(world.alice)
    client.force_login(world.alice)
    assert "A file sent now is late" in client.get("/c/iqa/development/submit/").content.decode()
    assert "no rank" in client.get(late.get_absolute_url()).content.decode()
    assert ">late</span>" in client.get("/c/iqa/development/leaderboard/").content.decode()
    table = client.get("/c/iqa/development/leaderboard.csv").content.decode().splitlines()
    assert table[1].split(",")[:4] == ["", "Aces", "test", "late"]
    row = client.get(f"/api/v1/phases/{world.development.pk}/leaderboard").json()[0]
    assert (row["rank"], row["is_late"]) == (None, True)


# --- the freeze -------------------------------------------------------------------------------------------------------
def names(response):
    return [row["name"] for row in response.json()]


def test_a_frozen_board_shows_what_came_before_and_organisers_see_it_live(client, world):
    early, frozen_at = timezone.now() - 2 * HOUR, timezone.now() - HOUR
    old = world.scored(world.alice, noise=1.0, began_at=early)
    world.scored(world.alice, noise=0.05)
    world.scored(world.mallory)
    event = freeze_board(phase=world.development, frozen_at=frozen_at, actor=world.organiser)
    assert (event.kind, event.actor, event.before, event.after) == ("freeze", world.organiser, None, frozen_at)
    address = "/c/iqa/development/leaderboard"
    for user in (None, world.alice, world.other_organiser):
        client.logout()
        if user:
            client.force_login(user)
        page = client.get(f"{address}/").content.decode()
        assert "This board is frozen: it shows what was received before" in page
        table = client.get(f"{address}/table/").content.decode()
        assert "Aces" in table
        assert "Rivals" not in table
        lines = client.get(f"{address}.csv").content.decode().splitlines()
        assert len(lines) == 2
        assert lines[1].split(",")[4] == "1"  # not even how many entries came since
    rows = board(world.development, frozen_at)
    assert [row.submission_id for row in rows] == [old.pk]
    client.force_login(world.organiser)
    assert "frozen for everybody but the organisers" in client.get(f"{address}/").content.decode()
    live = client.get(f"{address}/table/")
    assert "Rivals" in live.content.decode()
    assert "private" in live["Cache-Control"]
    assert len(client.get(f"{address}.csv").content.decode().splitlines()) == 3


def test_a_frozen_ladder_shows_what_was_released_before_to_all_but_organisers(client, world):
    phase = world.development
    phase.release_rule, phase.shows_fit, phase.daily_quota = "ladder", False, None
    phase.save()
    old = world.scored(world.alice, noise=2.0, began_at=timezone.now() - 2 * HOUR)
    new = world.scored(world.alice, noise=0.05)
    for submission in (old, new):
        analyse(submission.evaluations.get().pk)
        release(submission.evaluations.get().pk)
    freeze_board(phase=phase, frozen_at=timezone.now() - HOUR, actor=None)
    assert [row.submission_id for row in released_board(phase, phase.board_frozen_at)] == [old.pk]
    assert [row.submission_id for row in released_board(phase)] == [new.pk]
    shown = {}
    for user in (world.mallory, world.organiser):
        client.force_login(user)
        for query in ("", "?exact=1"):
            line = client.get(f"/c/iqa/development/leaderboard.csv{query}").content.decode().splitlines()[1].split(",")
            shown[user.username, query] = (line[4], line[5])
    frozen = {shown[world.mallory.username, query] for query in ("", "?exact=1")}
    assert {entries for entries, _ in frozen} == {"1"}
    assert len(frozen | {shown[world.organiser.username, query] for query in ("", "?exact=1")}) == 3


def test_with_a_ladder_no_page_names_the_submission_with_the_best_score(client, world):
    phase = world.development
    phase.release_rule, phase.shows_fit = "ladder", False
    phase.save()
    mine = world.scored(world.alice)
    client.force_login(world.alice)
    for address in ("/c/iqa/submissions/", mine.get_absolute_url()):
        page = client.get(address).content.decode()
        assert "Counts now" not in page
        assert "counts for your team" not in page


def test_the_api_shows_the_frozen_board_to_all_but_organisers(client, world):
    from challenge.accounts.services import create_token

    world.scored(world.alice)
    freeze_board(phase=world.development, frozen_at=timezone.now() - HOUR, actor=None)
    address = f"/api/v1/phases/{world.development.pk}/leaderboard"
    assert names(client.get(address)) == []
    token = create_token(user=world.organiser, name="t", scopes=["read"])[1]
    assert names(client.get(address, headers={"authorization": f"Bearer {token}"})) == ["Aces"]


def test_teams_see_their_own_scores_while_the_board_is_frozen_and_the_board_when_it_opens(client, world):
    mine = world.scored(world.alice)
    freeze_board(phase=world.development, frozen_at=timezone.now() - HOUR, actor=None)
    client.force_login(world.alice)
    assert "SRoCC" in client.get(mine.get_absolute_url()).content.decode()
    table = "/c/iqa/development/leaderboard/table/"
    before = client.get(table)
    freeze_board(phase=world.development, frozen_at=None, actor=None)
    after = client.get(table)
    assert "Aces" not in before.content.decode()
    assert "Aces" in after.content.decode()
    assert before["ETag"] != after["ETag"]


# --- the choice -------------------------------------------------------------------------------------------------------
def test_the_choice_ends_when_the_phase_closes_unless_another_moment_is_set(client, world):
    phase, now = world.final, timezone.now()
    assert phase.choice_ends_at == phase.closes_at
    first = world.scored(world.alice, phase)
    world.scored(world.alice, phase, seed=2)
    phase.choice_until = now - HOUR
    phase.save()
    client.force_login(world.alice)
    client.post(f"/submissions/{first.pk}/choose/")
    first.refresh_from_db()
    assert not first.is_chosen
    close(phase, ago=HOUR)
    phase.choice_until = now + HOUR  # after the phase: some days to choose
    phase.save()
    client.post(f"/submissions/{first.pk}/choose/")
    first.refresh_from_db()
    assert first.is_chosen
