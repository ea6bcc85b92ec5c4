"""A release on a data page: the road of add_release, one file after the other."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from challenge.contests.models import Challenge, Phase
from challenge.datasets.models import DataFile
from challenge.jobs.folders import make_folder, remove_folder
from challenge.jobs.models import Job
from tests.factories import make_phase
from tests.jobs.conftest import drain
from tests.jobs.made import write_release

pytestmark = pytest.mark.django_db


@pytest.fixture
def finished(bells, world):
    """A database job that is done, with its release."""
    job = Job.objects.create(kind="database", title="Shapes", state="done", finished_at=timezone.now())
    write_release(make_folder(job.pk) / "release")
    yield job
    for one in Job.objects.all():
        remove_folder(one.pk)


def publish(client, job: Job, world, **values: object):
    client.force_login(world.admin)
    data = {"challenge": world.challenge.pk, "audience": "participants", **values}
    return client.post(reverse("job-publish", args=[job.pk]), data)


def test_the_files_come_onto_the_data_page_and_are_downloaded(client, finished, world):
    response = publish(client, finished, world, hidden="on")
    job = Job.objects.latest("created_at")
    assert response.url == job.get_absolute_url()
    drain()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("done", "")
    titles = ["README.md", "data/test-00000-of-00001.parquet", "info_test.csv"]
    assert list(DataFile.objects.order_by("position").values_list("title", flat=True)) == titles
    client.force_login(world.alice)
    file = DataFile.objects.get(title="data/test-00000-of-00001.parquet")
    assert b"".join(client.get(file.get_absolute_url())) == b"PAR1"


def test_hidden_splits_stay_out_unless_asked_for_and_twice_adds_nothing_twice(client, finished, world):
    for _ in range(2):
        publish(client, finished, world)
        drain()
    assert list(DataFile.objects.values_list("title", flat=True)) == ["README.md"]
    assert DataFile.objects.get().versions.count() == 1


def test_files_that_wait_for_a_phase_never_come_out_because_it_is_gone(client, finished, world):
    later = timezone.now() + datetime.timedelta(days=3)
    phase = make_phase(world.challenge, "late", opens_at=later, closes_at=later + datetime.timedelta(days=1))
    publish(client, finished, world, phase=phase.pk, hidden="on")
    Phase.objects.filter(pk=phase.pk).update(slug="renamed")
    drain()
    job = Job.objects.latest("created_at")
    assert (job.state, "no phase late any more" in job.failure) == ("failed", True)
    assert not DataFile.objects.exists()


def test_a_release_that_is_not_what_its_checksums_say_stops_it(client, finished, world):
    (make_folder(finished.pk) / "release" / "README.md").write_bytes(b"# Other")
    publish(client, finished, world)
    drain()
    job = Job.objects.latest("created_at")
    assert (job.state, "is not the file that SHA256SUMS lists" in job.failure) == ("failed", True)


def test_without_a_release_the_page_says_so_and_starts_nothing(client, finished, world):
    (make_folder(finished.pk) / "release" / "SHA256SUMS").unlink()
    response = publish(client, finished, world)
    assert response.status_code == 422
    assert "is not there" in response.content.decode()
    assert Job.objects.count() == 1


def test_only_finished_database_jobs_have_something_to_publish(client, finished, world):
    Job.objects.filter(pk=finished.pk).update(kind="publication")
    assert publish(client, finished, world).status_code == 404


def test_a_phase_of_another_challenge_is_refused(client, finished, world):
    other = make_phase(Challenge.objects.get(slug="other"), "elsewhere")
    assert publish(client, finished, world, phase=other.pk).status_code == 422
