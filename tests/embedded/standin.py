"""A supervisor over stand-in commands, as a process of its own: `python -m tests.embedded.standin LOGS`.

Each stand-in has a child that ignores SIGTERM, as a busy pool process would.
"""

import os
import sys
from pathlib import Path

from challenge.embedded.processes import Spec
from challenge.embedded.supervisor import Supervisor

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); time.sleep(120)"


def main() -> None:
    """Start, say so, watch, stop."""
    supervisor = Supervisor(Path(sys.argv[1]), lambda line: print(line, flush=True))
    supervisor.handle_signals()
    for rank, name in enumerate(("scheduler", "worker", "web")):
        supervisor.start(Spec(name, [sys.executable, "-S", "-c", PARENT], env=dict(os.environ), stop_rank=rank))
    print("up", flush=True)
    supervisor.run()
    print("ended", *supervisor.stop(), flush=True)


if __name__ == "__main__":
    main()
