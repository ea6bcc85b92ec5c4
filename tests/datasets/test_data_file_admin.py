"""Data files in the administration: the first file, the next version, who did it."""

import pytest

from challenge.datasets.models import DataFile
from tests.factories import make_phase, upload

ADD = "/admin/datasets/datafile/add/"


@pytest.fixture
def admin(client, world):
    client.force_login(world.organiser)
    return client


def values(world, **changed):
    return {
        "challenge": world.challenge.pk,
        "title": "Train",
        "licence": "CC-BY-4.0",
        "audience": "participants",
        "position": 0,
        "versions-TOTAL_FORMS": 0,
        "versions-INITIAL_FORMS": 0,
        **changed,
    }


@pytest.fixture
def file(admin, world):
    response = admin.post(ADD, values(world, upload=upload(b"one", "Träin set.csv")))
    assert response.status_code == 302, response.context["errors"]
    return DataFile.objects.get()


def test_an_upload_is_the_first_version_and_gives_the_name(world, file):
    newest = file.newest
    assert (file.file_name, newest.number, newest.size, newest.uploaded_by) == (
        "Träin set.csv",
        1,
        3,
        world.organiser,
    )


def test_another_upload_is_the_next_version(admin, world, file):
    url = f"/admin/datasets/datafile/{file.pk}/change/"
    response = admin.post(url, values(world, title="Training set", upload=upload(b"two!"), note="Two."))
    assert response.status_code == 302
    file = DataFile.objects.get()
    assert [(v.number, v.size, v.note) for v in file.versions.all()] == [(2, 4, "Two."), (1, 3, "")]
    assert (file.title, file.file_name) == ("Training set", "Träin set.csv")
    page = admin.get(url).content.decode()
    assert all(version.sha256 in page for version in file.versions.all())


def test_texts_change_without_a_new_version(admin, world, file):
    admin.post(f"/admin/datasets/datafile/{file.pk}/change/", values(world, licence="CC0-1.0"))
    file = DataFile.objects.get()
    assert (file.licence, file.versions.count()) == ("CC0-1.0", 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "This field is required"),
        ({"note": "New.", "change": True}, "choose one"),
        ({"phase": True}, "same challenge"),
    ],
)
def test_what_is_missing_is_said(admin, world, file, changed, message):
    changed = dict(changed)
    url = f"/admin/datasets/datafile/{file.pk}/change/" if changed.pop("change", False) else ADD
    if changed.get("phase"):
        other = world.other_organiser.organised_challenges.get()
        other.organisers.add(world.organiser)
        changed |= {"phase": make_phase(other, "first").pk, "upload": upload(b"x")}
    response = admin.post(url, values(world, **changed))
    assert response.status_code == 200
    assert message in response.content.decode()
    assert DataFile.objects.count() == 1
