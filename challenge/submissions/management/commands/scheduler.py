"""`manage.py scheduler`: runs the reconciler every RECONCILE_EVERY_SECONDS until it is told to stop.

A plain loop instead of a timed task, because it must work when the broker has just lost everything. Two of them at
once do no harm. After each round that worked it touches STATE_DIR/scheduler.alive, whose age is what
docker/healthcheck.py reads.
"""

import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from challenge.analyses.services import reconcile as reconcile_analyses
from challenge.datasets.services import reconcile as reconcile_answer_keys
from challenge.desk.evidence import reconcile as reconcile_evidence
from challenge.jobs.reconcile import reconcile as reconcile_jobs
from challenge.mail.services import reconcile as reconcile_mail
from challenge.notices.digests import send_digests
from challenge.notices.overtaking import look_at_boards
from challenge.notices.reminders import remind
from challenge.notices.services import reconcile as reconcile_notices
from challenge.reports.reproductions import reconcile as reconcile_reproductions
from challenge.rescorings.services import reconcile as reconcile_rescorings
from challenge.study.opinions import reconcile as reconcile_opinion_scores
from challenge.submissions.reconcile import reconcile

log = structlog.get_logger(__name__)

UPLOAD_LEFTOVER_SECONDS = 24 * 3600
BACKGROUND = (
    *(reconcile_answer_keys, reconcile_analyses, reconcile_rescorings, reconcile_opinion_scores, reconcile_jobs),
    *(remind, reconcile_notices, send_digests, reconcile_mail, reconcile_evidence, look_at_boards),
    reconcile_reproductions,
)


def sign_of_life() -> Path:
    """The file that is touched after each round that worked. It is empty: a full disk does not matter."""
    return Path(settings.STATE_DIR) / "scheduler.alive"


def remove_leftover_uploads() -> None:
    """Remove what requests that were killed left in FILE_UPLOAD_TEMP_DIR; no request lasts a day."""
    folder = Path(settings.FILE_UPLOAD_TEMP_DIR)
    before = time.time() - UPLOAD_LEFTOVER_SECONDS
    for path in folder.glob("*.upload*"):
        with suppress(OSError):  # another process was faster, say; a round does not fail for it
            if path.stat().st_mtime < before:
                path.unlink()


class Command(BaseCommand):
    """The scheduler process."""

    help = "Run the reconciler until SIGTERM or SIGINT."

    def handle(self, *args: Any, **options: Any) -> None:
        """Loop; an error of one round (the database restarts, say) is logged and the next round tries again."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.wait(settings.RECONCILE_EVERY_SECONDS):
            try:
                close_old_connections()
                reconcile()
                for reconcile_work in BACKGROUND:
                    reconcile_work()
                remove_leftover_uploads()
                sign_of_life().touch(mode=0o600)
            except Exception:
                log.exception("a round of the reconciler failed")
