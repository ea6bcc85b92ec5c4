"""Work spread over processes, in order, with bounded memory."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4  # items per worker that are handed out before the oldest result is taken


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[T], R], items: Iterable[T], *, workers: int) -> Iterator[R]:
    """function(item) for each item, in the order of items; with one worker in this process.

    Workers are fresh interpreters, so `function` must be importable. Ctrl-C is left to this process: what was handed
    out is finished, the rest is not begun. Raises what `function` raises, and ChildProcessError when a worker dies.
    """
    if workers == 1:
        yield from map(function, items)
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        queue = iter(items)
        waiting: deque[Future[R]] = deque(pool.submit(function, item) for item in islice(queue, AHEAD * workers))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(queue, 1))
            yield result
    except BrokenProcessPool:
        raise ChildProcessError(
            "a worker process was killed, perhaps for want of memory: run the command again with fewer --workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Workers hold the queue open for each other, so none would notice that this program was killed."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
