"""The processes that make up the site, apart from the broker: web server, the three kinds of workers, scheduler."""

import dataclasses
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from challenge.embedded.paths import socket_path
from challenge.embedded.processes import Spec
from challenge.embedded.secrets import Secrets

TERM, QUIT = signal.SIGTERM, signal.SIGQUIT
WEB_WORKERS, WEB_THREADS = 2, 8


def child_environment(state_dir: Path) -> dict[str, str]:
    """What every child gets: our own environment with the place of the socket, and without what only workers hold."""
    env = dict(os.environ)
    for name in ("ANSWER_KEY_PRIVATE_KEY_FILE", "RECEIPT_SCORED_KEY_FILE"):
        env.pop(name, None)
    env["DJANGO_SETTINGS_MODULE"] = os.environ.get("DJANGO_SETTINGS_MODULE", "challenge.settings.embedded")
    env["STATE_DIR"] = str(state_dir)
    env.setdefault("BROKER_SOCKET", str(socket_path(state_dir)))
    # Several processes share the cores: more than one thread each for linear algebra only makes them wait.
    env.setdefault("OMP_NUM_THREADS", "1")
    env.setdefault("OPENBLAS_NUM_THREADS", "1")
    env["PYTHONUNBUFFERED"] = "1"
    return env


def worker_environment(env: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """What workers alone are told: where the keys lie that open answer keys and sign scores."""
    return {
        **env,
        "ANSWER_KEY_PRIVATE_KEY_FILE": str(secrets.private_key),
        "RECEIPT_SCORED_KEY_FILE": str(secrets.score_signing_key),
    }


def worker_spec(env: Mapping[str, str], concurrency: int) -> Spec:
    """The scoring worker; `env` is that of `worker_environment`.

    TERM lets it finish its tasks; QUIT, when they take too long, hands them back to the queue.
    """
    return _worker("worker", "scoring", concurrency, env)


def analysis_spec(env: Mapping[str, str]) -> Spec:
    """The worker for what comes after a score, at the lowest priority: it must never delay one. `env` as above."""
    return at_lowest_priority(_worker("analysis", "analysis", 1, env))


def gpu_spec(env: Mapping[str, str]) -> Spec:
    """The worker for jobs, without the workers' keys. It starts without torch, too. Niced only: a job is waited for.

    Solo: one process for one GPU, for CUDA and fork do not mix. What it has in hand when it is ended is done again.
    """
    spec = _worker("gpu", "gpu", 1, env, "--pool", "solo")
    return dataclasses.replace(
        spec, command=["nice", "-n", "19", *spec.command], stop=((TERM, 10.0), (QUIT, 5.0)), fast_stop=((QUIT, 2.0),)
    )


def at_lowest_priority(spec: Spec) -> Spec:
    """The same, for the time that nobody else wants.

    Every child has a session of its own, and Linux with autogroups (sched(7)) weighs sessions against each other:
    `nice` alone would change nothing between them.
    """
    lowest = '{ echo 19 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 19 "$@"'
    return dataclasses.replace(spec, command=["sh", "-c", lowest, "sh", *spec.command])


def _worker(name: str, queue: str, concurrency: int, env: Mapping[str, str], *options: str) -> Spec:
    command = [
        *(sys.executable, "-m", "celery", "-A", "challenge", "worker", *options),
        *("--queues", queue, "--concurrency", str(concurrency), "--hostname", f"{queue}@%h"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
    ]
    return Spec(
        name,
        command,
        cwd=settings.BASE_DIR,
        env=env,
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
