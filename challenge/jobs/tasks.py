"""Jobs run on the queue `gpu`, which a worker with `--pool=solo` serves on each GPU: CUDA and fork do not mix.

A solo worker knows no time limits: what hangs is noticed by `worker`, which then has this process ended. Its
supervisor starts another, and the batch is done again when its lease has run out.
"""

import os
import signal

import structlog
from django.conf import settings

from challenge.core.tasks import durable_task

log = structlog.get_logger(__name__)


@durable_task(name="jobs.work", soft_limit=settings.JOB_SOFT_LIMIT_SECONDS, hard_limit=settings.JOB_HARD_LIMIT_SECONDS)
def work(_job_id: str) -> None:
    """Do one batch of the job whose turn it is, whichever job the bell was rung for."""
    from challenge.jobs.worker import work_once

    work_once(end_this_process)


def end_this_process() -> None:
    """Die at once, as a process does that the kernel kills: nothing else ends a batch that hangs."""
    log.error("a batch hangs, or the device has failed; this worker ends")
    os.kill(os.getpid(), signal.SIGKILL)
