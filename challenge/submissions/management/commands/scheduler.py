"""`manage.py scheduler`: runs the reconciler every RECONCILE_EVERY_SECONDS until it is told to stop.

A plain loop instead of a timed task, because it must work when the broker has just lost everything. Two of them at
once do no harm.
"""

import signal
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from challenge.submissions.reconcile import reconcile

log = structlog.get_logger(__name__)


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
            except Exception:
                log.exception("a round of the reconciler failed")
