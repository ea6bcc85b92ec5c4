"""A season from its one file to its final board, in the order in which it happens.

Whatever people do, they do by pages, forms and the API; whatever happens by time, the scheduler and the workers do.
Every number that the site shows is compared with what `python -m scoring` prints for the file that was sent and the
answer key, exactly, and every rank with one that is counted out.
"""

from pathlib import Path

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from challenge.contests.models import Challenge, Phase, Registration
from challenge.submissions.models import Evaluation, Submission
from tests.factories import make_user
from tests.season import communication
from tests.season.boards import METRICS, Sent
from tests.season.files import ASLEEP, CONSTANT, TEAMS, TWIN, TWIN_OF, constant, corrected_key_csv, key_csv, predictions
from tests.season.reporting import the_report_is_written
from tests.season.state import HOME, Season, moment
from tests.season.visitors import Visitor
from tests.test_blind import found_in, traces

FILE = Path(__file__).with_name("season.yaml")
AWAKE = [team for team in TEAMS if team != ASLEEP]
HUNTERS, SEEKERS = TEAMS[10], TEAMS[11]
FINALISTS = TEAMS[:8]
INVITING = (HUNTERS, TEAMS[0], TEAMS[1])


@pytest.mark.slow
def test_a_whole_season(season: Season) -> None:
    """Each step leaves the site as the next one finds it."""
    the_challenge_is_made_from_one_file(season)
    forty_teams_register(season)
    they_develop(season)
    the_key_is_replaced_and_everything_is_scored_again(season)
    communication.an_announcement_reaches_those_who_want_it(season)
    communication.a_question_is_asked_answered_and_published(season)
    communication.who_is_overtaken_is_told(season)
    two_teams_use_up_their_quotas(season)
    communication.the_digest_gathers_it_once_a_day(season)
    they_merge_and_share_what_is_left(season)
    the_board_is_frozen_for_the_last_day(season)
    communication.the_deadline_is_near(season)
    the_deadline_is_extended(season)
    the_final_is_blind(season)
    the_queue_drains_after_the_deadline(season)
    the_final_board_is_opened(season)
    the_report_is_written(season)


def the_challenge_is_made_from_one_file(season: Season) -> None:
    """The organiser uploads the file, looks at what it would make, confirms, seals two keys, publishes."""
    upload = SimpleUploadedFile(FILE.name, FILE.read_bytes())
    looked = season.organiser.fill("/challenges/new/", file=upload)
    assert not Challenge.objects.exists()
    assert "Development" in looked.content.decode()
    made = season.organiser.confirm(looked, action="create")
    assert made.redirect_chain[-1][0] == HOME
    season.visitor.look(HOME, status=404)
    page = reverse("admin:contests_challenge_change", args=[Challenge.objects.get().pk])
    assert season.organiser.fill(page, is_published="on", allow_list="known.example.org").redirect_chain
    season.visitor.look(HOME)
    for phase in ("development", "final"):
        season.keys[phase] = key_csv(phase)
        assert season.upload_key(phase, season.keys[phase]).is_current


def forty_teams_register(season: Season) -> None:
    """Those who are known take part at once, the others once they are accepted; three invite somebody."""
    for team, leader in season.leaders.items():
        season.clock.forward(minutes=1)
        leader.fill(f"{HOME}join/", team_name=team, accepts_terms="on")
    rows = season.organiser.table(f"{HOME}registrations.csv")
    assert {row["team"]: row["state"] for row in rows} == {
        team: "pending" if place % 3 else "accepted" for place, team in enumerate(TEAMS)
    }
    season.clock.set("2031-03-01T08:00:00")
    season.refused(TEAMS[1], "development", b"", status=403, code="not_accepted", says="waiting")
    assert accept_all(season) == 26
    for team in INVITING:
        address = season.leaders[team].invitation(f"{HOME}team/")
        mate = Visitor(make_user(f"mate of {team}".replace(" ", "-")))
        assert f"Join the team {team}" in mate.look(address)
        mate.fill(address, accepts_terms="on")
    assert accept_all(season) == len(INVITING)
    rows = season.organiser.table(f"{HOME}registrations.csv")
    assert {row["state"] for row in rows} == {"accepted"}
    assert [row["team"] for row in rows].count(INVITING[0]) == 2


def accept_all(season: Season) -> int:
    """The organiser accepts everybody who waits, each of whom gets a mail; how many."""
    waiting = [str(pk) for pk in Registration.objects.filter(status="pending").values_list("pk", flat=True)]
    mail.outbox.clear()
    page = f"{HOME}registrations/?status=pending"
    season.organiser.fill(page, chosen=waiting, decision="accept", reason="Welcome.")
    season.workers.work()
    assert ["accepted" in message.subject for message in mail.outbox] == [True] * len(waiting)
    return len(waiting)


def they_develop(season: Season) -> None:
    """All but one team send a file. Two send the same one and share a rank; one is constant and has none."""
    content = predictions(TEAMS[0], "development")
    broken = content.replace(b"\n", b";\n", 1)
    season.refused(TEAMS[0], "development", broken, status=422, code="invalid_file", says="line 1")
    for team in AWAKE:
        season.send(team, "development", predictions(team, "development"))
    season.workers.work()
    rows = season.check_board()
    ranks = {row["name"]: row["rank"] for row in rows}
    assert ranks[TWIN] == ranks[TWIN_OF]
    assert ranks[CONSTANT] is None
    files = {one.team: one.content for one in season.sent["development"]}
    compared = season.recompute.compare(files, season.keys["development"])
    for row in rows:
        there = compared[row["name"]]
        assert [row["rank_interval"], row["probability_first"], row["group"]] == [
            there[name] for name in ("rank_interval", "first", "group")
        ]
        assert row["interval"] == there["interval"]
    check_submissions(season, season.sent["development"])


def check_submissions(season: Season, files: list[Sent], phase: str = "development") -> None:
    """The API tells the organiser, of each of these files, what the command line prints, intervals and all."""
    listed = season.organiser.ask(f"phases/{season.id_of(phase)}/submissions")
    told = {row["id"]: row for row in listed}
    for one in files:
        there = season.evaluate(one)
        assert told[one.id]["evaluation"] == there, one.team
        assert told[one.id]["scores"] == {metric: there[metric] for metric in METRICS}


def the_key_is_replaced_and_everything_is_scored_again(season: Season) -> None:
    """Fifteen MOS were in the wrong order. The report says who moves before anybody sees it, then it is published."""
    season.clock.set("2031-03-02T10:00:00")
    page = f"{HOME}development/rescoring/"
    files, old = season.sent["development"], season.lines()
    key = season.upload_key("development", corrected_key_csv())
    assert (key.version, key.is_current) == (2, False)
    before = {one.id: season.evaluate(one) for one in files}
    rescoring = season.organiser.fill(page, answer_key=str(key.pk), reason="MOS were mixed up").redirect_chain[-1][0]
    season.workers.work()
    season.check_board()  # nothing shows yet
    season.keys["development"] = corrected_key_csv()
    after = {one.id: season.evaluate(one) for one in files}
    new = season.lines()
    report = season.organiser.browser.get(rescoring).context["report"]
    was = {line.name: (line.rank, line.scores.get("main")) for line in old}
    assert [
        (row["label"], row["old_rank"], row["old_main"], row["new_rank"], row["new_main"]) for row in report["rows"]
    ] == [(line.name, *was[line.name], line.rank, line.scores.get("main")) for line in new]
    assert report["moved"] == sum(was[line.name][0] != line.rank for line in new) > 0
    changes = {one.id: after[one.id]["main"] - before[one.id]["main"] for one in files if one.team != CONSTANT}
    assert report["largest"]["change"] == max(changes.values(), key=abs)
    assert (report["rescored"], report["failures"]) == (len(files), [])
    for row in season.organiser.table(f"{rescoring}changes.csv"):
        mains = (before[row["submission"]]["main"], after[row["submission"]]["main"])
        assert [row["main_before"], row["main_after"]] == ["" if main is None else repr(main) for main in mains]
        assert row["change"] == ("" if None in mains else repr(changes[row["submission"]]))
    season.organiser.fill(f"{rescoring}publish/", to="publish/")
    season.workers.tend()
    season.check_board()
    check_submissions(season, files)
    first = files[0]
    accepted, *scored = season.receipts(first)
    assert (accepted["kind"], accepted["quota"]["phase_slot"]) == ("accepted", 1)
    versions = {one["answer_key"]["version"]: one["scores"] for one in scored}
    for version, result in ((1, before[first.id]), (2, after[first.id])):
        assert versions[version] == {metric: result[metric] for metric in versions[version]}


def two_teams_use_up_their_quotas(season: Season) -> None:
    """25 files a day and 50 in all. Most of theirs come from a program with a bug, which does not help them."""
    season.clock.set("2031-03-03T09:00:00")
    for attempt in range(25):
        good = predictions(HUNTERS, "development", attempt, better=0.3)
        season.send(HUNTERS, "development", constant("development", attempt) if attempt % 8 else good)
    one_more = predictions(HUNTERS, "development", 25, better=0.3)
    season.refused(HUNTERS, "development", one_more, status=429, code="quota_spent", says="2031-03-04 00:00 UTC")
    season.clock.set("2031-03-04T09:00:00")
    for attempt in range(4):
        season.send(HUNTERS, "development", constant("development", attempt))
    for attempt in range(18):
        good = predictions(SEEKERS, "development", attempt, better=0.35)
        season.send(SEEKERS, "development", constant("development", attempt) if attempt % 8 else good)
    taken_back = season.send(SEEKERS, "development", predictions(SEEKERS, "development", 9))
    season.sent["development"].remove(taken_back)
    page = season.leaders[SEEKERS].fill(f"/submissions/{taken_back.id}/withdraw/", to="withdraw/")
    assert "Your quota was given back" in page.content.decode()
    quotas = {
        team: season.leaders[team].ask(f"phases/{season.id_of('development')}/quota") for team in (HUNTERS, SEEKERS)
    }
    assert [(one["daily_used"], one["total_used"]) for one in quotas.values()] == [(4, 30), (18, 19)]
    season.workers.work()
    season.check_board()


def they_merge_and_share_what_is_left(season: Season) -> None:
    """One leader asks, the other agrees, the organiser confirms: one row, the better file, 49 of 50 used."""
    season.leaders[HUNTERS].fill(f"{HOME}team/", to="merge/", team=SEEKERS)
    season.leaders[SEEKERS].fill(f"{HOME}team/", answer="agree")
    season.organiser.fill(f"{HOME}teams/", answer="confirm")
    season.workers.work()
    for one in season.sent["development"]:
        one.team = HUNTERS if one.team == SEEKERS else one.team
    rows = season.check_board()
    assert [row["entries"] for row in rows if row["name"] == HUNTERS] == [49]
    assert SEEKERS not in {row["name"] for row in rows}
    season.clock.set("2031-03-05T09:00:00")
    season.send(HUNTERS, "development", predictions(SEEKERS, "development", 5, better=0.5), by=SEEKERS)
    for leader in (HUNTERS, SEEKERS):
        one_more = predictions(leader, "development", 6)
        season.refused(leader, "development", one_more, status=429, code="quota_spent", says="(50 of 50)")
    season.workers.work()
    season.check_board()


def the_board_is_frozen_for_the_last_day(season: Season) -> None:
    """From a moment on the public board stands still; the organiser's goes on."""
    season.clock.set("2031-03-06T08:00:00")
    page = f"{HOME}development/freeze/"
    season.organiser.fill(page, frozen_at="2031-03-06T12:00:00", reason="The last day is a surprise.")
    season.send(TEAMS[4], "development", predictions(TEAMS[4], "development", 1, better=0.1))
    season.clock.set("2031-03-06T13:00:00")
    seen = list(season.sent["development"])
    for team in (TEAMS[20], TEAMS[30]):
        season.send(team, "development", predictions(team, "development", 1, better=1.0))
    season.workers.work()
    season.check_board(files=seen)
    season.check_board(viewer=season.organiser)
    season.clock.set("2031-03-07T08:00:00")
    season.organiser.fill(page, frozen_at="")
    season.check_board()


def the_deadline_is_extended(season: Season) -> None:
    """A file that comes an hour late has a row without a rank, until the deadline moves behind it."""
    season.clock.set("2031-03-07T13:00:00")
    late = season.send(TEAMS[8], "development", predictions(TEAMS[8], "development", 1, better=0.6))
    season.workers.work()
    assert late.is_late
    assert [row["name"] for row in season.check_board() if row["is_late"]] == [TEAMS[8]]
    mail.outbox.clear()
    page, moved = f"{HOME}development/deadline/", {"closes_at": "2031-03-07T20:00:00"}
    assert season.organiser.fill(page, **moved, reason="").status_code == 422
    season.organiser.fill(page, **moved, reason="The server was down.")
    season.workers.tend()
    assert len(mail.outbox) == len(TEAMS) + len(INVITING)
    assert all("The server was down." in message.body for message in mail.outbox)
    assert "The server was down." in season.visitor.look(HOME)
    assert season.phase("development")["closes_at"] == "2031-03-07T20:00:00Z"
    late.is_late = False
    season.check_board()
    season.clock.set("2031-03-07T19:59:00")
    season.send(TEAMS[9], "development", predictions(TEAMS[9], "development", 1, better=0.6))
    season.clock.set("2031-03-07T21:00:00")
    assert season.send(TEAMS[3], "development", predictions(TEAMS[3], "development", 1, better=0.2)).is_late
    season.workers.work()
    season.check_board()
    season.clock.set("2031-03-08T20:00:01")
    last = predictions(TEAMS[3], "development", 2)
    season.refused(TEAMS[3], "development", last, status=409, code="phase_closed", says="2031-03-07 20:00:00 UTC")


def the_final_is_blind(season: Season) -> None:
    """Only who has developed enters. Two files each; nothing but a receipt is shown to participants."""
    season.refused(TEAMS[0], "final", b"", status=409, code="phase_not_open", says="2031-03-09")
    season.clock.set("2031-03-09T10:00:00")
    asleep = predictions(ASLEEP, "final")
    season.refused(ASLEEP, "final", asleep, status=403, code="gate_closed", says="Development")
    first = [season.send(team, "final", predictions(team, "final")) for team in FINALISTS]
    season.workers.work()
    check_nothing_is_told(season, first)
    season.clock.set("2031-03-10T10:00:00")
    for team in FINALISTS[:4]:
        season.send(team, "final", predictions(team, "final", 1))
    season.refused(
        TEAMS[0], "final", predictions(TEAMS[0], "final", 2), status=429, code="quota_spent", says="(2 of 2)"
    )


def check_nothing_is_told(season: Season, files: list[Sent]) -> None:
    """Neither the teams nor anybody else find a number of these scored files, but each team its receipt."""
    final = season.id_of("final")
    for one in files:
        leader, hidden = season.leaders[one.team], traces(season.evaluate(one))
        told = leader.ask(f"submissions/{one.id}")
        assert (told["status"], told["scores"], told["evaluation"]) == ("scored", None, None)
        receipts = leader.ask(f"submissions/{one.id}/receipts")
        assert [receipt["receipt"]["kind"] for receipt in receipts] == ["accepted"]
        pages = [leader.look(f"/submissions/{one.id}/{part}") for part in ("", "row/")]
        assert not [text for text in (*pages, str(told), str(receipts)) if found_in(text, hidden)]
    for viewer in (season.visitor, season.leaders[TEAMS[0]], season.leaders[ASLEEP]):
        assert viewer.ask(f"phases/{final}/leaderboard", status=403)["code"] == "blind_phase"
        assert "scores board" not in viewer.look(f"{HOME}final/leaderboard/")
        viewer.look(f"{HOME}final/leaderboard/table/", status=404)
        viewer.look(f"{HOME}final/leaderboard.csv", status=404)
    season.check_board("final", viewer=season.organiser)


def the_queue_drains_after_the_deadline(season: Season) -> None:
    """The broker forgets every call. Once it is back, each file is scored exactly once, though called for twice."""
    season.workers.lose_everything()
    season.clock.set("2031-03-11T06:00:00")
    waiting = Submission.objects.filter(phase=season.id_of("final"), status="queued")
    assert waiting.count() == 4
    season.workers.tend(deliveries=2)
    assert not waiting.exists()
    for phase, files in season.sent.items():
        accepted = Submission.objects.filter(phase=season.id_of(phase)).exclude(status="withdrawn")
        assert {str(pk) for pk in accepted.values_list("pk", flat=True)} == {one.id for one in files}
        assert set(accepted.values_list("status", flat=True)) == {"scored"}
    once = Evaluation.objects.filter(submission__phase=season.id_of("final"))
    assert sorted(map(str, once.values_list("submission", flat=True))) == sorted(one.id for one in season.sent["final"])
    for team in FINALISTS[:3]:
        chosen = next(one for one in season.sent["final"] if one.team == team)
        page = season.leaders[team].fill(f"/submissions/{chosen.id}/", to="choose/")
        assert "now counts for your team" in page.content.decode()
        chosen.is_chosen = True
    check_nothing_is_told(season, season.sent["final"])


def the_final_board_is_opened(season: Season) -> None:
    """The organiser unticks «blind»: everybody sees what the command line prints, subsets and intervals included."""
    season.clock.set("2031-03-12T09:00:00")
    assert Phase.objects.get(slug="final").choice_ends_at == moment("2031-03-12T00:00:00")
    page = reverse("admin:contests_phase_change", args=[season.id_of("final")])
    assert season.organiser.fill(page, is_blind=None, slug="final").redirect_chain
    season.workers.tend()
    rows = season.check_board("final")
    season.check_board("final", viewer=season.visitor)
    for row, line in zip(rows, season.lines("final"), strict=True):
        assert row["interval"] == season.evaluate(line.sent)["intervals"]["main"]
    check_submissions(season, season.sent["final"], "final")
    for one in season.sent["final"]:
        told = season.leaders[one.team].ask(f"submissions/{one.id}")
        assert set(told["evaluation"]["subsets"]["generator"]) == {"alpha", "beta", "gamma"}
    winner = season.lines("final")[0].sent
    assert season.recompute.in_a_process_of_its_own(winner.content, season.keys["final"]) == season.evaluate(winner)
