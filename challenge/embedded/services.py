"""The processes that make up the site, apart from the broker: web server, scoring and analysis workers, scheduler."""

import dataclasses
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from challenge.embedded.paths import socket_path
from challenge.embedded.processes import Spec

TERM, QUIT = signal.SIGTERM, signal.SIGQUIT
WEB_WORKERS, WEB_THREADS = 2, 8


def child_environment(state_dir: Path) -> dict[str, str]:
    """What every child gets: our own environment with the place of the socket, and without the private answer key."""
    env = dict(os.environ)
    env.pop("ANSWER_KEY_PRIVATE_KEY_FILE", None)
    env["DJANGO_SETTINGS_MODULE"] = os.environ.get("DJANGO_SETTINGS_MODULE", "challenge.settings.embedded")
    env["STATE_DIR"] = str(state_dir)
    env.setdefault("BROKER_SOCKET", str(socket_path(state_dir)))
    # Several processes share the cores: more than one thread each for linear algebra only makes them wait.
    env.setdefault("OMP_NUM_THREADS", "1")
    env.setdefault("OPENBLAS_NUM_THREADS", "1")
    env["PYTHONUNBUFFERED"] = "1"
    return env


def worker_spec(env: Mapping[str, str], concurrency: int, private_key: Path) -> Spec:
    """The scoring worker; it and the analysis worker alone are told where the private answer key is.

    TERM lets it finish its tasks; QUIT, when they take too long, hands them back to the queue.
    """
    return _worker("worker", "scoring", concurrency, env, private_key)


def analysis_spec(env: Mapping[str, str], private_key: Path) -> Spec:
    """The worker for what comes after a score, at the lowest priority: it must never delay one."""
    spec = _worker("analysis", "analysis", 1, env, private_key)
    return dataclasses.replace(spec, command=["nice", "-n", "19", *spec.command])


def _worker(name: str, queue: str, concurrency: int, env: Mapping[str, str], private_key: Path) -> Spec:
    command = [
        *(sys.executable, "-m", "celery", "-A", "challenge", "worker"),
        *("--queues", queue, "--concurrency", str(concurrency), "--hostname", f"{queue}@%h"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
    ]
    return Spec(
        name,
        command,
        cwd=settings.BASE_DIR,
        env={**env, "ANSWER_KEY_PRIVATE_KEY_FILE": str(private_key)},
        stop=((TERM, 25.0), (QUIT, 5.0)),
        fast_stop=((QUIT, 2.0),),
        stop_rank=1,
    )


def scheduler_spec(env: Mapping[str, str]) -> Spec:
    """The scheduler: rings again for whatever waits too long, sends what is due."""
    return Spec(
        "scheduler",
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "scheduler"],
        cwd=settings.BASE_DIR,
        env=env,
        stop=((TERM, 5.0),),
        fast_stop=((TERM, 1.0),),
        stop_rank=0,
    )


def web_spec(env: Mapping[str, str], listener: int) -> Spec:
    """The web server, on a socket that this process listens on already."""
    command = [
        *(sys.executable, "-m", "gunicorn", "challenge.wsgi:application", "--bind", f"fd://{listener}"),
        *("--worker-class", "gthread", "--workers", str(WEB_WORKERS), "--threads", str(WEB_THREADS), "--preload"),
        *("--graceful-timeout", "10", "--timeout", "120", "--log-level", "warning", "--no-control-socket"),
    ]
    return Spec(
        "web",
        command,
        cwd=settings.BASE_DIR,
        env=env,
        stop=((TERM, 15.0),),
        fast_stop=((QUIT, 1.0),),
        stop_rank=2,
        inherit=(listener,),
    )
