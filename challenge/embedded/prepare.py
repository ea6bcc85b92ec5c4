"""What the site needs before it can answer: tables and static files. Both are quick when there is nothing to do."""

import hashlib
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone


def pending_migrations() -> tuple[int, bool]:
    """(how many migrations are not applied, whether the database is still empty)."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return len(plan), not executor.loader.applied_migrations


def migrate(backups: Path) -> Path | None:
    """Apply what is pending; an SQLite database that holds data is copied to `backups` first.

    Returns the copy, or None when none was made. Raises whatever the migration raises.
    """
    count, empty = pending_migrations()
    if not count:
        return None
    copy = None
    if not empty and connection.vendor == "sqlite":
        backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy = backups / f"before-migration-{timezone.now():%Y%m%dT%H%M%SZ}.sqlite3"
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(copy)])
    call_command("migrate", interactive=False, verbosity=0)
    return copy


def collect_static(stamp: Path) -> bool:
    """Run collectstatic unless the sources are those of the last run; returns whether it ran."""
    digest = static_digest()
    if stamp.exists() and stamp.read_text() == digest and Path(settings.STATIC_ROOT).is_dir():
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(digest)
    return True


def static_digest() -> str:
    """A digest of every static source file's name, size and time of change, and of Django's version."""
    digest = hashlib.sha256(f"{django.get_version()} {settings.STATIC_ROOT}".encode())
    entries = []
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            entries.append(f"{name} {found.st_size} {found.st_mtime_ns}")
    for entry in sorted(entries):
        digest.update(f"\n{entry}".encode())
    return digest.hexdigest()


def close_database() -> None:
    """Close this process's connections: the supervisor keeps none open while it only watches."""
    connections.close_all()
