"""A small process that outlives its supervisor by a few seconds, in order to leave nothing behind.

It runs as a script, with the standard library only. Standard input is a pipe whose other end the supervisor holds; each
line names a process group: `+123` started, `-123` gone; `q` says that all was stopped in order. When the pipe closes
without a `q` the supervisor has died: the guard ends every group that is left, first politely, then with SIGKILL.
The supervisor's lock is handed to it too, so nobody can start a second server on the same files before that is done.
"""

import os
import signal
import sys
import time
from collections.abc import Callable

GRACE_SECONDS = 3.0


def main() -> None:
    """Follow the supervisor's lines until `q`, or until the pipe closes; then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        order, number_text = line[0], line[1:].strip()
        if order == "q":
            return
        if order == "+":
            groups.add(int(number_text))
        else:
            groups.discard(int(number_text))
    end_groups(groups)


def end_groups(groups: set[int]) -> None:
    """TERM to every group's leader, SIGKILL after GRACE_SECONDS to whatever is left of the groups."""
    for group in groups:
        _send(os.kill, group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while groups and time.monotonic() < deadline:
        groups = {group for group in groups if _send(os.killpg, group, 0)}
        time.sleep(0.05)
    for group in groups:
        _send(os.killpg, group, signal.SIGKILL)


def _send(call: Callable[[int, int], None], target: int, number: int) -> bool:
    """Send with os.kill or os.killpg; False when nobody is there any more."""
    try:
        call(target, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
