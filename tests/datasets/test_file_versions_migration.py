"""Migration 0004: files that were uploaded before versions become version 1, on the database the tests run on."""

import datetime
from collections.abc import Iterator

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from tests.migrating import ALIAS, empty_database

CREATED = datetime.datetime(2027, 1, 31, 12, tzinfo=datetime.UTC)


@pytest.fixture
def empty(django_db_setup, django_db_blocker, tmp_path) -> Iterator[BaseDatabaseWrapper]:
    with django_db_blocker.unblock(), empty_database(tmp_path) as connection:
        yield connection


def test_a_file_becomes_its_first_version(empty):
    executor = MigrationExecutor(empty)
    before = [("datasets", "0003_ratings"), ("contests", "0003_reference_column")]
    apps = executor.migrate(before).apps
    challenge = apps.get_model("contests", "Challenge").objects.using(ALIAS).create(slug="old", title="O", summary="o")
    for number in (1, 2):
        apps.get_model("datasets", "DataFile").objects.using(ALIAS).create(
            challenge=challenge,
            title=f"File {number}",
            file=f"data/2027/01/{number}",
            file_name=f"{number}.csv",
            size=number * 3_000_000_000,
            sha256=f"{number}" * 64,
            created_at=CREATED,
        )
    executor = MigrationExecutor(empty)
    apps = executor.migrate([("datasets", "0004_file_versions")]).apps
    versions = apps.get_model("datasets", "DataFileVersion").objects.using(ALIAS).order_by("size")
    found = [(v.data_file.title, v.number, v.file.name, v.size, v.sha256[0], v.created_at) for v in versions]
    assert found == [(f"File {n}", 1, f"data/2027/01/{n}", n * 3_000_000_000, str(n), CREATED) for n in (1, 2)]
    assert {file.phase_id for file in apps.get_model("datasets", "DataFile").objects.using(ALIAS)} == {None}
