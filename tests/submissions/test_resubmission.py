"""Submitting again from an old submission, and which submission counts."""

import datetime

from django.utils import timezone

from challenge.submissions.intake import Method
from challenge.submissions.models import Submission
from challenge.submissions.services import choose, fail, withdraw
from tests.factories import new_answer_key, prediction_csv, upload

METHOD = Method(name="Clear", description="A net.", runtime_s=0.25, device="gpu", extra_data=True)
HOUR = datetime.timedelta(hours=1)


def page(client, user, address):
    client.force_login(user)
    return client.get(address).content.decode()


# --- submitting again -------------------------------------------------------------------------------------------------
def test_the_form_begins_with_the_method_of_the_old_submission(client, world):
    old = world.scored(method=METHOD)
    client.force_login(world.bob)  # of the same team
    assert f"/c/iqa/final/submit/?from={old.pk}" in page(client, world.bob, old.get_absolute_url())
    form = client.get(f"/c/iqa/final/submit/?from={old.pk}").context["form"]
    assert [form[name].value() for name in ("method_name", "description", "runtime_s", "device", "extra_data")] == [
        "Clear",
        "A net.",
        0.25,
        "gpu",
        True,
    ]


def test_the_stored_file_can_be_sent_again_to_another_phase_and_uses_its_quota(client, world):
    old = world.scored(method=METHOD)
    client.force_login(world.bob)
    sent = {"source": old.pk, "reuses_file": "on", "method_name": "Clear 2", "nonce": "n1"}
    for _ in range(2):  # a double click
        assert client.post("/c/iqa/final/submit/", sent).status_code == 302
    new = Submission.objects.get(phase=world.final)
    assert (new.sha256, new.file_name, new.rows, new.method_name) == (old.sha256, old.file_name, old.rows, "Clear 2")
    assert (new.submitted_by, new.phase_slot) == (world.bob, 1)
    assert new.file.name != old.file.name
    with new.file.open() as stored:
        assert stored.read() == prediction_csv()


def test_a_chosen_file_goes_first_and_without_either_the_form_asks_for_one(client, world):
    old = world.scored()
    client.force_login(world.alice)
    other = prediction_csv(seed=9)
    sent = {"source": old.pk, "reuses_file": "on", "file": upload(other)}
    client.post("/c/iqa/development/submit/", sent)
    assert Submission.objects.latest("created_at").file_size == len(other)
    for sent in ({"source": old.pk}, {"reuses_file": "on"}):
        response = client.post("/c/iqa/development/submit/", sent)
        assert response.status_code == 422
        assert "Choose a file." in response.content.decode()


def test_nobody_begins_with_the_submission_of_another_team(client, world):
    old = world.scored()
    client.force_login(world.mallory)
    assert client.get(f"/c/iqa/development/submit/?from={old.pk}").status_code == 404
    sent = {"source": old.pk, "reuses_file": "on"}
    assert client.post("/c/iqa/development/submit/", sent).status_code == 404
    assert client.get("/c/iqa/development/submit/?from=nonsense").status_code == 404
    assert "Submit again" not in page(client, world.organiser, old.get_absolute_url())


def test_a_stored_file_that_no_longer_fits_is_refused_like_any_other(client, world):
    old = world.scored()
    new_answer_key(world.final, b"name,mos\na.png,1\nb.png,2\n")
    client.force_login(world.alice)
    response = client.post("/c/iqa/final/submit/", {"source": old.pk, "reuses_file": "on"})
    assert response.status_code == 422
    assert "Your quota is untouched" in response.content.decode()
    assert not Submission.objects.filter(phase=world.final).exists()


# --- which one counts -------------------------------------------------------------------------------------------------
def test_pages_say_which_submission_counts_and_why(client, world):
    best = world.scored(noise=0.1, method=Method(name="Better"))
    other = world.scored(noise=2.0)
    assert "it has the best main score of your team" in page(client, world.alice, best.get_absolute_url())
    assert best.get_absolute_url() in page(client, world.alice, other.get_absolute_url())
    assert "Counts now:" in page(client, world.alice, "/c/iqa/submissions/")


def test_until_a_team_chooses_its_last_scored_submission_counts(client, world):
    now = timezone.now()
    first = world.scored(phase=world.final, began_at=now - HOUR)
    last = world.scored(phase=world.final, seed=2)
    world.submit(phase=world.final, seed=3)  # not scored yet
    text = page(client, world.alice, "/c/iqa/submissions/")
    assert "your team has not chosen, and it is the last scored one" in text
    assert "Choose on the page of a submission" in text
    assert "counts for your team" in page(client, world.alice, last.get_absolute_url())
    choose(first, world.alice)
    assert "counts for your team: your team chose it" in page(client, world.alice, first.get_absolute_url())


def test_a_blind_phase_does_not_tell_which_submission_is_the_best(client, world):
    world.final.board_rule = "best"
    world.final.save()
    mine = world.scored(phase=world.final, noise=0.1)
    world.scored(phase=world.final, noise=2.0, seed=2)
    for address in ("/c/iqa/submissions/", mine.get_absolute_url()):
        assert "best main score" not in page(client, world.alice, address)
        assert "Counts now" not in page(client, world.alice, address)


# --- what is given back -----------------------------------------------------------------------------------------------
def test_withdrawn_files_and_our_failures_give_their_slot_back_for_the_same_day(world):
    """Codabench #2031, #2043, #2421: cancelled jobs count; CodaLab #2175: failed ones do."""
    world.development.daily_quota = 1
    world.development.save()
    withdrawn = world.submit()
    assert withdraw(withdrawn, world.bob)
    failed = world.submit(seed=2)
    assert fail(Submission.objects.filter(pk=failed.pk), "Our disk failed.")
    assert world.submit(seed=3).day_slot == 1
    for row, reason in ((withdrawn, "withdrawn before it was scored"), (failed, "failed")):
        row.refresh_from_db()
        assert (row.day_slot, row.phase_slot, row.refund_reason) == (None, None, reason)
        assert row.events.last().reason
