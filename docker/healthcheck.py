"""Is this container well? `healthcheck.py web`: /healthz answers. `healthcheck.py worker`: Celery answers a ping.
`healthcheck.py scheduler`: a round of its loop has worked within the last minute."""

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

SCHEDULER_SECONDS = 60


def web_is_well() -> bool:
    """Whether the web server answers 200, asked by a name it accepts."""
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=4)
    host = os.environ.get("ALLOWED_HOSTS", "localhost").strip(" ,").split(",")[0].strip().lstrip(".")
    connection.request("GET", "/healthz", headers={"Host": host})
    return connection.getresponse().status == http.HTTPStatus.OK


def worker_is_well() -> bool:
    """Whether the worker of this container answers through the broker."""
    name = f"celery@{os.uname().nodename}"
    command = [sys.executable, "-m", "celery", "-A", "challenge", "inspect", "ping", "--timeout", "10", "-d", name]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0  # noqa: S603


def scheduler_is_well() -> bool:
    """Whether the file that the scheduler touches after each round is young; one from the future says nothing."""
    try:
        age = time.time() - (Path(os.environ["STATE_DIR"]) / "scheduler.alive").stat().st_mtime
    except FileNotFoundError:
        return False
    return -SCHEDULER_SECONDS < age < SCHEDULER_SECONDS


if __name__ == "__main__":
    checks = {"web": web_is_well, "worker": worker_is_well, "scheduler": scheduler_is_well}
    sys.exit(not checks[sys.argv[1]]())
