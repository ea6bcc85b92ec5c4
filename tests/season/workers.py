"""The broker and the workers of a season: a list of calls, and the tasks that answer them.

Calls arrive after the commit, as they do at a real broker. Nothing is done before `work`, and `lose_everything` is a
broker that was restarted empty.
"""

from collections import deque
from typing import Any

import pytest
from celery.app.task import Task

from challenge.submissions.management.commands.scheduler import BACKGROUND
from challenge.submissions.reconcile import reconcile


class Workers:
    """Calls that wait, oldest first."""

    def __init__(self) -> None:
        self.calls: deque[tuple[Task, tuple[str, ...]]] = deque()

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take what is sent to the broker until the test ends."""

        def apply_async(task: Task, args: list[str], **_options: Any) -> None:
            self.calls.append((task, tuple(args)))

        monkeypatch.setattr(Task, "apply_async", apply_async)

    def work(self, deliveries: int = 1) -> None:
        """Answer every call, and those that this leads to; each is delivered so many times."""
        while self.calls:
            task, arguments = self.calls.popleft()
            for _ in range(deliveries):
                task(*arguments)

    def lose_everything(self) -> None:
        """The broker has forgotten every call."""
        self.calls.clear()

    def tend(self, deliveries: int = 1) -> None:
        """One round of the scheduler, then the workers."""
        reconcile()
        for reconcile_work in BACKGROUND:
            reconcile_work()
        self.work(deliveries)
