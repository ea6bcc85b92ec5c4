"""The one way to declare a task (invariant 1, `reference` pattern: the row is the truth, the task a doorbell).

A durable task takes ids only, is acknowledged after it ran, has hard limits far below the broker's visibility timeout,
may be delivered twice at any time, and therefore starts by claiming its row. Enqueue with `ring_bell` from on_commit.
"""

import functools
from collections.abc import Callable
from typing import Any

import structlog
from celery import Task
from celery.exceptions import OperationalError as CeleryOperationalError
from django.conf import settings
from kombu.exceptions import OperationalError as KombuOperationalError

from challenge.celery import app

log = structlog.get_logger(__name__)


def durable_task(*, name: str, soft_limit: int, hard_limit: int) -> Callable[[Callable[..., None]], Task]:
    """Declare a task. CELERY_TASK_ROUTES gives its queue by the prefix of `name`.

    `soft_limit` and `hard_limit` are seconds: the first raises in the task, the second kills the process that runs it.
    """
    if not soft_limit < hard_limit < settings.BROKER_VISIBILITY_TIMEOUT_SECONDS:
        raise ValueError("soft limit < hard limit < visibility timeout, or the broker would deliver the task twice")

    def declare(function: Callable[..., None]) -> Task:
        @functools.wraps(function)
        def run(*args: str) -> None:
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(task=name, arguments=list(args))
            function(*args)

        return app.task(
            run,
            name=name,
            acks_late=True,
            reject_on_worker_lost=True,
            ignore_result=True,
            soft_time_limit=soft_limit,
            time_limit=hard_limit,
        )

    return declare


def ring_bell(task: Task, *arguments: Any) -> bool:
    """Ask a worker to run `task`; False, with a log line, when the broker cannot be reached. Never raises for that:
    whoever waits for the work is a row, and the reconciler rings again."""
    try:
        task.apply_async(args=[str(argument) for argument in arguments], retry=False)
    except (KombuOperationalError, CeleryOperationalError, OSError) as error:
        log.warning("broker unreachable; the reconciler will ring again", task=task.name, error=str(error))
        return False
    return True
