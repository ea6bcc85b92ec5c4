"""A database without tables, to run migrations on: a file of SQLite, or a schema of the tests' PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

ALIAS = "migrating"


@contextmanager
def empty_database(folder: Path) -> Iterator[BaseDatabaseWrapper]:
    """The connection ALIAS to it; the database is gone at the end."""
    default = connections["default"]
    settings = {**default.settings_dict, "OPTIONS": dict(default.settings_dict["OPTIONS"])}
    if default.vendor == "sqlite":
        settings["NAME"] = str(folder / "db.sqlite3")
    else:
        settings["OPTIONS"]["options"] = f"-c search_path={ALIAS}"
    connection = type(default)(settings, alias=ALIAS)
    connections[ALIAS] = connection
    connections.settings[ALIAS] = settings
    try:
        if connection.vendor == "postgresql":
            connection.cursor().execute(f"CREATE SCHEMA {ALIAS}")
        yield connection
    finally:
        if connection.vendor == "postgresql":
            connection.cursor().execute(f"DROP SCHEMA {ALIAS} CASCADE")
        connection.close()
        del connections[ALIAS], connections.settings[ALIAS]
