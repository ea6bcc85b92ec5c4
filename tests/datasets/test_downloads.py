"""Downloads: to whom, when, and by whom they are sent."""

import datetime

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from challenge.datasets.models import DataFile
from challenge.datasets.services import add_data_file


@pytest.fixture
def file(world):
    data_file = DataFile(challenge=world.challenge, title="Train", file_name="träin.csv")
    return add_data_file(data_file=data_file, content=ContentFile(b"name,mos\n"))


def test_size_and_checksum_are_those_of_the_bytes(file):
    assert (file.newest.size, file.newest.sha256[:8]) == (9, "6a302d87")


def test_a_participant_gets_the_bytes_under_the_right_name(world, client, file):
    client.force_login(world.alice)
    response = client.get(file.get_absolute_url())
    assert b"".join(response.streaming_content) == b"name,mos\n"
    assert "tr%C3%A4in.csv" in response["Content-Disposition"]


def test_public_files_are_for_everybody_and_future_files_for_organisers(world, client, file):
    url = file.get_absolute_url()
    assert client.get(url).status_code == 404
    DataFile.objects.update(audience="public")
    assert b"".join(client.get(url).streaming_content)
    DataFile.objects.update(available_from=timezone.now() + datetime.timedelta(hours=1))
    assert client.get(url).status_code == 404
    client.force_login(world.alice)
    assert client.get(url).status_code == 404
    page = client.get("/c/iqa/data/").content.decode()
    assert url not in page
    client.force_login(world.organiser)
    assert b"".join(client.get(url).streaming_content)


def test_nginx_sends_the_file_where_it_can(world, client, file, settings):
    settings.X_ACCEL_PREFIX = "/_private/"
    client.force_login(world.alice)
    response = client.get(file.get_absolute_url())
    assert response["X-Accel-Redirect"] == f"/_private/{file.newest.file.name}"
    assert "attachment" in response["Content-Disposition"]
    assert response.content == b""
