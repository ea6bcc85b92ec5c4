"""E. Quotas: counted as the page says, for the team, in UTC days; what came to nothing comes back by itself."""

import datetime

from django.utils import timezone

from challenge.submissions.models import Submission
from tests.complaints.conftest import SUBMIT, Site, words
from tests.factories import prediction_csv
from tests.season.visitors import Visitor


def to_midnight(site: Site) -> None:
    """Turn the clock to one minute before the end of the UTC day."""
    now = timezone.now()
    end = datetime.datetime.combine(now.date() + datetime.timedelta(days=1), datetime.time(), datetime.UTC)
    site.clock.forward(seconds=(end - now).total_seconds() - 60)


def test_a_new_utc_day_brings_the_whole_quota_even_while_a_file_of_yesterday_is_stuck(site: Site):
    """Codabench #1303, #1427: the count of the day is not reset, stuck jobs count; mapillary_sls #11: 48 h instead of
    24; crowdAI #268: no moment is named."""
    site.world.development.daily_quota = 2
    site.world.development.save()
    to_midnight(site)
    for seed in range(2):
        site.accepted("alice", prediction_csv(seed=seed))
    refused = words(site.post("alice", prediction_csv(seed=3)))
    tomorrow = (timezone.now() + datetime.timedelta(minutes=2)).date()
    assert f"The next one is possible from {tomorrow} 00:00 UTC." in refused
    site.clock.forward(seconds=61)
    text = words(site["alice"].look(SUBMIT))
    assert "2 left 0 of 2 used this UTC day" in text
    assert Submission.objects.filter(status="queued").count() == 2
    site.accepted("alice", prediction_csv(seed=3))


def test_nobody_passes_the_quota_by_any_road(site: Site):
    """Codabench #1354 "as a guest I can submit past daily and total limits"; CodaLab #3187: limit 3, one has 10;
    crowdAI #318: more than 5 a day."""
    phase = site.world.development
    phase.daily_quota = 2
    phase.save()
    site.accepted("alice", prediction_csv(seed=1))
    site["bob"].send(str(phase.pk), prediction_csv(seed=2))  # a mate, by the API
    for name in ("alice", "bob"):
        assert site.post(name, prediction_csv(seed=3)).status_code == 422
        problem = site[name].send(str(phase.pk), prediction_csv(seed=3), status=429)
        assert problem["code"] == "quota_spent"
    assert site.post("outsider")["Location"].endswith("/join/")
    assert "/accounts/login/" in Visitor().browser.post(SUBMIT)["Location"]
    assert Submission.objects.count() == 2


def test_files_of_earlier_phases_never_keep_a_team_from_submitting(site: Site):
    """Codabench #1364, #1865, #1866, #1889, #2266, #2562, #1773: blocked by a storage quota, full of files that
    cannot be deleted."""
    page = site.accepted("alice", prediction_csv(seed=1))
    site.work()
    Submission.objects.update(file_size=20 * 10**9)
    assert site["alice"].browser.post(f"{page}withdraw/", follow=True).status_code == 200
    assert site.board()["Aces"]["entries"] == "1"  # what is scored stays, and is in nobody's way
    site.accepted("alice", prediction_csv(seed=2))
