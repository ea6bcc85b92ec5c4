"""Data files: versions, to whom and when, by whom they are sent, and what is noted of it."""

import datetime
import hashlib
import itertools

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import IntegrityError
from django.db.models import RestrictedError
from django.utils import timezone

from challenge.contests.models import Challenge, Registration
from challenge.datasets.access import DataAccess, Refusal
from challenge.datasets.download_log import record_download
from challenge.datasets.models import DataFile, DataFileVersion, Download
from challenge.datasets.services import add_data_file, add_version
from tests.factories import make_phase

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def file(world):
    data_file = DataFile(challenge=world.challenge, title="Train", file_name="träin.csv", licence="CC-BY-4.0")
    return add_data_file(data_file=data_file, content=ContentFile(b"name,mos\n"))


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_size_and_checksum_are_those_of_the_bytes(file):
    assert (file.newest.size, file.newest.sha256[:8]) == (9, "6a302d87")


def test_a_participant_gets_the_bytes_under_the_right_name(world, client, file):
    client.force_login(world.alice)
    response = client.get(file.get_absolute_url())
    assert body(response) == b"name,mos\n"
    assert "tr%C3%A4in.csv" in response["Content-Disposition"]
    assert response["ETag"] == f'"{file.newest.sha256}"'


def test_a_new_file_is_the_next_version_and_the_earlier_one_stays(world, client, file):
    before = file.newest
    version = add_version(
        data_file=file, content=ContentFile(b"name,mos\na,1\n"), note="One row.", actor=world.organiser
    )
    assert (version.number, version.uploaded_by) == (2, world.organiser)
    assert before.file.name != version.file.name
    client.force_login(world.alice)
    assert body(client.get(file.get_absolute_url())) == b"name,mos\na,1\n"
    assert body(client.get(before.get_absolute_url())) == b"name,mos\n"
    assert client.get(f"{file.get_absolute_url()}3/").status_code == 404
    page = client.get("/c/iqa/data/").content.decode()
    for text in (version.sha256, before.sha256, "One row.", "CC-BY-4.0", "<details", before.get_absolute_url()):
        assert text in page


def test_the_same_bytes_once_more_are_no_new_version(file):
    again = add_version(data_file=file, content=ContentFile(b"name,mos\n"), note="again")
    assert (again, file.versions.count(), again.note) == (file.newest, 1, "")


def test_two_versions_cannot_have_one_number(file):
    with pytest.raises(IntegrityError):
        DataFileVersion.objects.create(data_file=file, number=1, file="x", size=1, sha256="0" * 64)


AUDIENCES = ("public", "participants")
MOMENTS = (None, "past", "future")
VIEWERS = ("anonymous", "outsider", "participant", "participant of old terms", "organiser", "admin")


@pytest.mark.parametrize(("audience", "phase", "available"), list(itertools.product(AUDIENCES, MOMENTS, MOMENTS)))
def test_every_gate_must_be_open(world, client, file, audience, phase, available):
    """Against the rule in words, for every viewer, on page, download and API."""
    now = timezone.now()
    moments = {None: None, "past": now - HOUR, "future": now + HOUR}
    file.audience = audience
    file.available_from = moments[available]
    file.phase = phase and make_phase(world.challenge, "gate", opens_at=moments[phase])
    file.save()
    Challenge.objects.filter(pk=world.challenge.pk).update(terms_version=2)
    Registration.objects.filter(user=world.alice).update(terms_version=2)
    users = dict(
        zip(VIEWERS, (None, world.outsider, world.alice, world.bob, world.organiser, world.admin), strict=True)
    )
    for viewer, user in users.items():
        is_out = "future" not in (phase, available)
        may = viewer in ("organiser", "admin") or (is_out and (audience == "public" or viewer == "participant"))
        client.logout()
        if user:
            client.force_login(user)
        response = client.get(file.get_absolute_url())
        assert response.status_code == (200 if may else 404), viewer
        if may:
            body(response)
        page = client.get("/c/iqa/data/").content.decode()
        assert (f'href="{file.get_absolute_url()}"' in page) == may, viewer


def test_the_reason_says_what_to_do(world, file):
    def refusal(user):
        challenge = Challenge.objects.get(pk=world.challenge.pk)
        return DataAccess.of(user, challenge).refusal(DataFile.objects.get(pk=file.pk))

    assert refusal(AnonymousUser()) is Refusal.SIGN_IN
    assert refusal(world.outsider) is Refusal.JOIN
    assert refusal(world.alice) is None
    Challenge.objects.update(terms_version=2)
    assert refusal(world.alice) is Refusal.TERMS
    DataFile.objects.update(available_from=timezone.now() + HOUR)
    assert refusal(world.alice) is Refusal.LATER


def test_files_of_an_unpublished_challenge_are_for_its_organisers(world, client, file):
    DataFile.objects.update(audience="public")
    Challenge.objects.update(is_published=False)
    assert client.get(file.get_absolute_url()).status_code == 404
    client.force_login(world.organiser)
    assert body(client.get(file.get_absolute_url()))


def test_a_phase_that_a_file_waits_for_is_of_its_challenge_and_stays(world, file):
    file.phase = make_phase(Challenge.objects.get(slug="other"), "first")
    with pytest.raises(ValidationError, match="same challenge"):
        file.clean()
    phase = make_phase(world.challenge, "first")
    DataFile.objects.update(phase=phase)
    with pytest.raises(RestrictedError):
        phase.delete()


def test_nginx_sends_the_file_where_it_can(world, client, file, settings):
    settings.X_ACCEL_PREFIX = "/_private/"
    client.force_login(world.alice)
    response = client.get(file.get_absolute_url(), headers={"Range": "bytes=5-"})
    assert response["X-Accel-Redirect"] == f"/_private/{file.newest.file.name}"
    assert "attachment" in response["Content-Disposition"]
    assert (response.status_code, response.content) == (200, b"")  # nginx takes the part
    assert Download.objects.get().first_byte == 5


def test_an_interrupted_download_goes_on_and_counts_once(world, client, file):
    client.force_login(world.alice)
    url, whole = file.get_absolute_url(), b"name,mos\n"
    first = body(client.get(url))[:4]
    headers = {"Range": "bytes=4-", "If-Range": f'"{hashlib.sha256(whole).hexdigest()}"'}
    response = client.get(url, headers=headers)
    assert (response.status_code, first + body(response)) == (206, whole)
    row = Download.objects.get()
    assert (row.user, row.version, row.via, row.first_byte, row.requests) == (world.alice, file.newest, "page", 0, 2)


def test_what_sends_no_bytes_is_not_a_download(world, client, file):
    client.force_login(world.alice)
    url = file.get_absolute_url()
    client.head(url)
    assert client.get(url, headers={"If-None-Match": f'"{file.newest.sha256}"'}).status_code == 304
    assert client.get(url, headers={"Range": "bytes=99-"}).status_code == 416
    assert not Download.objects.exists()


@pytest.mark.parametrize(
    ("later", "first_byte", "same_user", "rows"),
    [
        (59, 4, True, 1),
        (61, 4, True, 2),
        (1, 0, True, 2),
        (1, 4, False, 2),
    ],
)
def test_only_a_later_part_for_the_same_user_within_an_hour_goes_on(world, file, later, first_byte, same_user, rows):
    at, via = timezone.now(), Download.Via.PAGE
    record_download(version=file.newest, user=world.alice, via=via, first_byte=0, at=at)
    record_download(
        version=file.newest,
        user=world.alice if same_user else AnonymousUser(),
        via=via,
        first_byte=first_byte,
        at=at + datetime.timedelta(minutes=later),
    )
    assert Download.objects.count() == rows


def test_another_version_is_another_download(world, file):
    first = file.newest
    second = add_version(data_file=file, content=ContentFile(b"other"))
    for version, first_byte in ((first, 0), (second, 3)):
        record_download(
            version=version, user=world.alice, via=Download.Via.PAGE, first_byte=first_byte, at=timezone.now()
        )
    assert Download.objects.count() == 2


def test_organisers_see_how_often_and_by_whom(world, client, file):
    DataFile.objects.update(audience="public", file_name="=cmd.csv")
    body(client.get(file.get_absolute_url()))
    client.force_login(world.alice)
    body(client.get(file.get_absolute_url()))
    assert "Downloads" not in client.get("/c/iqa/data/").content.decode()
    client.force_login(world.organiser)
    assert '<td class="number">2</td>' in client.get("/c/iqa/data/").content.decode()
    header, *rows = client.get("/c/iqa/data/downloads.csv").content.decode().splitlines()
    assert header == "file,version,user,via,started_at,first_byte,last_request_at,requests"
    assert [row.split(",")[:4] for row in rows] == [["'=cmd.csv", "1", "", "page"], ["'=cmd.csv", "1", "alice", "page"]]


def test_no_address_is_stored():
    assert {field.name for field in Download._meta.fields} == {
        *("id", "version", "user", "via", "first_byte", "started_at", "last_request_at", "requests")
    }
