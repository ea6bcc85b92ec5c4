"""Migration 0002: moved deadlines that were mailed become notices that were told; one that waits still waits."""

import datetime
from collections.abc import Iterator

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from tests.migrating import ALIAS, empty_database

WHEN = datetime.datetime(2027, 1, 31, 12, tzinfo=datetime.UTC)


@pytest.fixture
def empty(django_db_setup, django_db_blocker, tmp_path) -> Iterator[BaseDatabaseWrapper]:
    with django_db_blocker.unblock(), empty_database(tmp_path) as connection:
        yield connection


@pytest.mark.slow
def test_what_was_mailed_is_read_and_what_waits_is_told_to_the_others(empty):
    old = MigrationExecutor(empty).migrate([("notices", "0001_initial"), ("contests", "0007_phase_options")]).apps

    def made(app, model, **values):
        return old.get_model(app, model).objects.using(ALIAS).create(**values)

    challenge = made("contests", "Challenge", slug="old", title="Old", summary="o")
    phase = made(
        "contests", "Phase", challenge=challenge, slug="p", title="P", opens_at=WHEN, closes_at=WHEN.replace(year=2028)
    )
    user = made("accounts", "User", username="anna", email="anna@example.org")
    for state in ("done", "waiting"):
        event = made(
            "contests", "PhaseEvent", phase=phase, kind="deadline", before=WHEN, after=phase.closes_at, reason=state
        )
        notice = made("notices", "Notice", event=event, state=state)
        made("notices", "Delivery", notice=notice, user=user, at=WHEN)
    new = MigrationExecutor(empty).migrate([("notices", "0002_notifications")]).apps
    notices = new.get_model("notices", "Notice").objects.using(ALIAS).order_by("pk")
    assert [(n.kind, n.state, n.title, n.path) for n in notices] == [
        ("deadline_moved", state, "Deadline extended: P", "/c/old/") for state in ("done", "waiting")
    ]
    assert "Reason: waiting" in notices[1].text
    told = new.get_model("notices", "Notification").objects.using(ALIAS)
    assert [(row.user.username, row.read_at, row.mail) for row in told.order_by("pk")] == [("anna", WHEN, "now")] * 2
