"""Is this container well? `healthcheck.py web`: /healthz answers. `healthcheck.py worker`: Celery answers a ping."""

import http.client
import os
import subprocess
import sys


def web_is_well() -> bool:
    """Whether the web server answers 200, asked by a name it accepts."""
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=4)
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].lstrip(".")
    connection.request("GET", "/healthz", headers={"Host": host})
    return connection.getresponse().status == http.HTTPStatus.OK


def worker_is_well() -> bool:
    """Whether the worker of this container answers through the broker."""
    name = f"celery@{os.uname().nodename}"
    command = [sys.executable, "-m", "celery", "-A", "challenge", "inspect", "ping", "--timeout", "10", "-d", name]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0  # noqa: S603


if __name__ == "__main__":
    sys.exit(not {"web": web_is_well, "worker": worker_is_well}[sys.argv[1]]())
