"""Looking at the process table, for tests that kill. Linux only: it reads /proc."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple


class Pid(NamedTuple):
    """A process: its number and when it began, so that a number used again is not taken for it."""

    number: int
    began: str


def descendants(root: int) -> set[Pid]:
    """Every process below `root`, however deep, as long as each parent on the way is alive."""
    parents: dict[int, list[Pid]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            parents.setdefault(int(fields[1]), []).append(Pid(int(folder.name), fields[19]))
    found: set[Pid] = set()
    queue = [root]
    while queue:
        for child in parents.get(queue.pop(), []):
            found.add(child)
            queue.append(child.number)
    return found


def alive(pids: Iterable[Pid]) -> set[Pid]:
    """Those that still run; a zombie holds nothing and does not count."""
    return {pid for pid in pids if (fields := _stat(pid.number)) and fields[19] == pid.began and fields[0] != "Z"}


def command_line(number: int) -> str:
    """The command of a process, '' when it is gone."""
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def leader(below: set[Pid], word: str) -> Pid:
    """The process of the group that runs `word`: the one that is a child of the supervisor, hence the oldest."""
    return min((pid for pid in below if word in command_line(pid.number)), key=lambda pid: (int(pid.began), pid.number))


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    """Whether `condition` comes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _stat(number: int) -> list[str] | None:
    """/proc/N/stat from the state on: state, parent, ..., at 19 the start time. None when the process is gone."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
