"""Migration 0004: files that were uploaded before versions become version 1, on the database the tests run on."""

import datetime
from collections.abc import Iterator

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

ALIAS = "migrating"
CREATED = datetime.datetime(2027, 1, 31, 12, tzinfo=datetime.UTC)


@pytest.fixture
def empty(django_db_setup, django_db_blocker, tmp_path) -> Iterator[BaseDatabaseWrapper]:
    """A database without tables: a file of SQLite, a schema of PostgreSQL."""
    default = connections["default"]
    settings = {**default.settings_dict, "OPTIONS": dict(default.settings_dict["OPTIONS"])}
    if default.vendor == "sqlite":
        settings["NAME"] = str(tmp_path / "db.sqlite3")
    else:
        settings["OPTIONS"]["options"] = f"-c search_path={ALIAS}"
    connection = type(default)(settings, alias=ALIAS)
    connections[ALIAS] = connection
    connections.settings[ALIAS] = settings
    with django_db_blocker.unblock():
        try:
            if connection.vendor == "postgresql":
                connection.cursor().execute(f"CREATE SCHEMA {ALIAS}")
            yield connection
        finally:
            if connection.vendor == "postgresql":
                connection.cursor().execute(f"DROP SCHEMA {ALIAS} CASCADE")
            connection.close()
            del connections[ALIAS], connections.settings[ALIAS]


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
