"""The admins' pages of jobs, and what they refuse."""

import csv
import datetime
import io

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from challenge.jobs import services
from challenge.jobs.folders import folder_of
from challenge.jobs.models import Job, JobItem
from challenge.jobs.progress import progress_of
from challenge.jobs.worker import work_once
from tests.factories import make_user
from tests.jobs.conftest import drain
from tests.jobs.squares import raising

pytestmark = pytest.mark.django_db

SMALLEST_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


@pytest.fixture
def root(client, admin):
    client.force_login(admin)
    return client


def page(client, name: str, *args: object) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return str(response.content.decode())


def test_without_jobs_the_list_says_what_they_are(root):
    assert "No job was started yet" in page(root, "jobs")


def test_staff_with_the_permission_may_run_jobs_and_others_find_nothing(client):
    staff = make_user("helper", is_staff=True)
    client.force_login(staff)
    assert client.get(reverse("jobs")).status_code == 404
    staff.user_permissions.add(Permission.objects.get(codename="run_jobs"))
    assert client.get(reverse("jobs")).status_code == 200
    assert reverse("jobs") in client.get("/").content.decode()


def test_a_job_is_started_from_its_form_and_a_wrong_form_is_refused(root, squares, bells):
    url = reverse("new-job-of-kind", args=["squares"])
    assert root.post(url, {"count": "many"}).status_code == 422
    assert not Job.objects.exists()
    response = root.post(url, {"title": "Mine", "count": "4"})
    job = Job.objects.get()
    assert response.url == job.get_absolute_url()
    assert (job.title, job.parameters, job.created_by.username) == ("Mine", {"count": 4}, "root")
    assert "Mine" in page(root, "jobs")


def test_a_kind_that_only_other_pages_start_is_not_offered(root):
    assert root.get(reverse("new-job-of-kind", args=["publication"])).status_code == 404
    assert "Publish a release" not in page(root, "new-job")


def test_the_page_has_the_buttons_of_its_state_and_they_work(root, start):
    job = start(7)
    url = job.get_absolute_url()

    def buttons() -> set[str]:
        text = page(root, "job", job.pk)
        return {name for name in ("pause", "resume", "cancel", "retry", "skip", "delete") if f"{url}{name}/" in text}

    assert buttons() == {"pause", "cancel"}
    root.post(url + "pause/")
    assert buttons() == {"resume", "cancel", "delete"}
    root.post(url + "resume/")
    assert root.get(url + "cancel/").status_code == 200
    root.post(url + "cancel/")
    assert buttons() == {"delete"}
    assert "cannot go on" in root.post(url + "resume/", follow=True).content.decode()
    root.post(url + "delete/")
    assert not Job.objects.exists()


def test_failures_are_listed_with_their_reasons_and_tried_again_or_left_out(root, start):
    job = start(7, fail=[2])
    drain()
    text = page(root, "job", job.pk)
    assert "2 has no square today" in text
    assert "1 of the stage square failed" in text
    root.post(reverse("job-retry", args=[job.pk]))
    drain()
    root.post(reverse("job-skip", args=[job.pk]))
    drain()
    assert Job.objects.get(pk=job.pk).state == "done"


def test_the_live_part_asks_again_while_there_is_work_and_reloads_the_page_when_the_state_changed(root, start):
    job = start(3)
    live = root.get(reverse("job-status", args=[job.pk, "waiting"]))
    assert 'hx-trigger="every 2s"' in live.content.decode()
    drain()
    assert root.get(reverse("job-status", args=[job.pk, "waiting"])).headers["HX-Refresh"] == "true"
    assert "hx-trigger" not in root.get(reverse("job-status", args=[job.pk, "done"])).content.decode()


def test_speed_and_time_left_are_those_of_what_was_done_since_the_job_went_on(start, admin):
    job = start(12)
    work_once()
    work_once()
    services.pause(job, admin)
    services.resume(job, admin)
    work_once()
    job.refresh_from_db()
    now = timezone.now()
    job.events.filter(to_state="running").update(at=now - datetime.timedelta(hours=9))
    job.events.filter(pk=job.events.filter(from_state="waiting", to_state="running").first().pk).update(
        at=now - datetime.timedelta(seconds=6)
    )
    JobItem.objects.filter(job=job, position__lt=6).update(finished_at=now - datetime.timedelta(hours=1))
    progress = progress_of(job)
    assert progress.per_second == pytest.approx(0.5, rel=0.1)  # three in six seconds
    assert progress.left.total_seconds() == pytest.approx(6, rel=0.1)
    assert [(bar.label, bar.over, bar.total) for bar in progress.groups] == [("even", 5, 6), ("odd", 4, 6)]
    assert progress.tenths == 7


def test_a_costly_item_weighs_more_in_the_time_left(start):
    job = start(6)
    work_once()
    job.refresh_from_db()
    job.events.filter(to_state="running").update(at=timezone.now() - datetime.timedelta(seconds=3))
    JobItem.objects.filter(job=job, state="waiting").update(cost=10)
    assert progress_of(job).left.total_seconds() == pytest.approx(30, rel=0.2)


def test_every_item_is_in_the_csv(root, start, squares):
    job = start(4, fail=[1])
    squares.before = raising(OSError("x"))
    drain()
    response = root.get(reverse("job-items", args=[job.pk]))
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [(row["n"], row["state"], row["result_square"], row["problem"]) for row in rows] == [
        ("0", "done", "0", ""),
        ("1", "failed", "", "1 has no square today"),
        ("2", "done", "4", ""),
        ("3", "done", "9", ""),
    ]
    assert [row["attempts"] for row in rows] == ["2", "2", "2", "1"]


def test_pictures_are_served_small_and_in_full_and_nothing_else_of_the_disk_is(root, start):
    job = start(1)
    drain()
    item = job.items.get(stage="square")
    (folder_of(job.pk) / "x.png").write_bytes(SMALLEST_PNG)
    (folder_of(job.pk).parent / "secret.png").write_bytes(SMALLEST_PNG)

    def get(name: str, size: str):
        JobItem.objects.filter(pk=item.pk).update(result={"image": name, "sha256": "0" * 64})
        response = root.get(reverse("job-picture", args=[job.pk, item.pk, size]))
        content = b"".join(response) if response.status_code == 200 else b""
        return response.status_code, content

    assert get("x.png", "full") == (200, SMALLEST_PNG)
    status, small = get("x.png", "small")
    assert (status, small[:2]) == (200, b"\xff\xd8")
    assert reverse("job-picture", args=[job.pk, item.pk, "small"]) in page(root, "job", job.pk)
    for name in ("../secret.png", "/etc/passwd", "missing.png", ""):
        assert get(name, "full")[0] == 404
    (folder_of(job.pk).parent / "secret.png").unlink()
