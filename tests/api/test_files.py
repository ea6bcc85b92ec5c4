"""Data files and starter kits by token: the list, parts of files, the log."""

import datetime

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from challenge.accounts.services import create_token
from challenge.contests.models import Challenge
from challenge.datasets.models import DataFile, Download
from challenge.datasets.services import add_data_file, add_version

LIST = "/api/v1/challenges/iqa/files"


@pytest.fixture
def file(world):
    file = add_data_file(
        data_file=DataFile(challenge=world.challenge, title="Train", file_name="train.csv", phase=world.development),
        content=ContentFile(b"first"),
    )
    add_version(data_file=file, content=ContentFile(b"0123456789"), note="Longer.")
    return file


def bearer(user, *scopes: str) -> dict[str, str]:
    token = create_token(user=user, name="t", scopes=list(scopes) or ["read"])[1]
    return {"authorization": f"Bearer {token}"}


def test_files_are_listed_with_versions_checksums_and_addresses(world, client, file):
    [listed] = client.get(LIST, headers=bearer(world.alice)).json()
    assert [(version["number"], version["size"], version["note"]) for version in listed["versions"]] == [
        (2, 10, "Longer."),
        (1, 5, ""),
    ]
    assert [version["sha256"] for version in listed["versions"]] == [v.sha256 for v in file.versions.all()]
    assert (listed["phase"], listed["refusal"], listed["url"]) == ("development", None, listed["versions"][0]["url"])
    response = client.get(listed["url"], headers={**bearer(world.alice), "Range": "bytes=4-"})
    assert (response.status_code, b"".join(response.streaming_content)) == (206, b"456789")
    row = Download.objects.get()
    assert (row.user, row.via, row.first_byte, row.version.number) == (world.alice, "api", 4, 2)


def test_who_may_not_have_a_file_gets_the_reason_and_no_address(world, client, file):
    def refusal(**options):
        [listed] = client.get(LIST, **options).json()
        assert {listed["url"], *(version["url"] for version in listed["versions"])} == {None}
        return listed["refusal"]

    assert refusal() == "not_signed_in"
    assert refusal(headers=bearer(world.outsider)) == "not_registered"
    Challenge.objects.update(terms_version=2)
    assert refusal(headers=bearer(world.alice)) == "terms_changed"
    file.phase.opens_at = timezone.now() + datetime.timedelta(hours=1)
    file.phase.save()
    assert refusal(headers=bearer(world.alice)) == "not_yet"
    response = client.get(f"/api/v1/files/{file.pk}/versions/2", headers=bearer(world.alice))
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_a_token_without_the_scope_gets_nothing(world, client, file):
    for path in (LIST, f"/api/v1/files/{file.pk}/versions/1"):
        assert client.get(path, headers=bearer(world.alice, "submit")).status_code == 401


def test_a_phase_tells_where_its_starter_kit_is(world, client):
    def kits(**options):
        phases = client.get("/api/v1/challenges/iqa", **options).json()["phases"]
        return {phase["slug"]: phase["starter_kit_url"] for phase in phases}

    assert kits() == {"development": None, "final": None}
    world.final.answer_keys.all().delete()
    urls = kits(headers=bearer(world.alice))
    assert urls["final"] is None
    response = client.get(urls["development"], headers=bearer(world.alice))
    assert b"".join(response.streaming_content).startswith(b"PK")
