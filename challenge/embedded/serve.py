"""`manage.py serve`, step by step: check, make secrets, start everything, say where it is, watch, stop."""

import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.conf import settings

from challenge.demo import services as demo
from challenge.embedded import preflight, prepare, welcome
from challenge.embedded.broker import BrokerMissingError, answers, broker_spec, forget_socket
from challenge.embedded.paths import socket_path
from challenge.embedded.processes import die_with_parent
from challenge.embedded.secrets import Secrets, ensure_secrets
from challenge.embedded.services import (
    analysis_spec,
    child_environment,
    gpu_spec,
    scheduler_spec,
    web_spec,
    worker_environment,
    worker_spec,
)
from challenge.embedded.supervisor import StartupError, StopRequested, Supervisor

BROKER_SECONDS, WEB_SECONDS, SCORED_SECONDS = 30.0, 90.0, 90.0
EXIT_CHECK, EXIT_STARTUP = 2, 1
Result = TypeVar("Result")


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    host: str
    port: int
    workers: int
    demo: bool


class Server:
    """One run of the embedded server."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self.options = options
        self.say = say
        self.state_dir = Path(settings.STATE_DIR)
        self.own_broker = not os.environ.get("BROKER_URL")

    def run(self) -> int:
        """Serve until a signal asks to stop; returns the exit code."""
        os.umask(0o077)
        if not settings.EMBEDDED:
            self.say("serve: runs with challenge.settings.embedded only; see docs/operations.md for production.")
            return EXIT_CHECK
        try:
            preflight.check_state_dir(self.state_dir)
            lock = preflight.take_lock(self.state_dir)
            listener = preflight.listen(self.options.host, self.options.port)
        except preflight.PreflightError as error:
            self.say(f"serve: {error}")
            return EXIT_CHECK
        secrets = ensure_secrets(self.state_dir)
        if secrets.created and not os.environ.get("SECRET_KEY"):
            # The settings of this process were read before there was a key; children would sign with another one.
            listener.close()
            os.close(lock)
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  the same command once more
        supervisor = Supervisor(self.state_dir / "logs", lambda line: self.say(f"serve: {line}"), lock)
        supervisor.handle_signals()
        _log_to_file(supervisor.logs / "serve.log")
        if os.environ.get("STOP_WITH_PARENT"):
            die_with_parent(os.getppid(), signal.SIGTERM)
        return self._supervise(supervisor, listener, lock, secrets)

    def _supervise(self, supervisor: Supervisor, listener: socket.socket, lock: int, secrets: Secrets) -> int:
        code = 0
        try:
            self._start(supervisor, listener, lock, secrets)
            supervisor.run()
        except StopRequested:
            pass
        except (StartupError, BrokerMissingError) as error:
            self.say(f"serve: {error}")
            code = EXIT_STARTUP
        self.say("serve: stopping (Ctrl-C again: at once)" if not code else "serve: stopping")
        listener.close()
        ended = supervisor.stop()
        forget_socket(self.state_dir)
        self.say(f"serve: stopped ({', '.join(ended) or 'nothing ran'})")
        return code

    # --- start --------------------------------------------------------------------------------------------------------
    def _start(self, supervisor: Supervisor, listener: socket.socket, lock: int, secrets: Secrets) -> None:
        env = child_environment(self.state_dir)
        self._start_broker(supervisor, env, lock)
        pending, empty = self._step(supervisor, "reading the database", prepare.pending_migrations)
        workers = worker_environment(env, secrets)
        worker = worker_spec(workers, self.options.workers)
        early = empty or not pending
        if early:
            # It takes longest to start. Only tables that exist in an older shape would be a danger to its tasks.
            supervisor.start(worker)
        if pending:
            self.say(f"serve: preparing the database ({pending} migrations)")
            self._step(supervisor, "the migration", lambda: prepare.migrate(self.state_dir / "backups"))
        self._step(
            supervisor, "collecting static files", lambda: prepare.collect_static(self.state_dir / "static.stamp")
        )
        supervisor.start(web_spec(env, listener.fileno()))
        if not early:
            supervisor.start(worker)
        if self.options.demo:
            self._step(supervisor, "making the demo", demo.seed_demo)
        supervisor.start(scheduler_spec(env))
        later = (analysis_spec(workers), gpu_spec(env))
        self._wait_until_ready(supervisor, welcome.url_of(listener), then=lambda: [*map(supervisor.start, later)])

    def _start_broker(self, supervisor: Supervisor, env: dict[str, str], lock: int) -> None:
        if not self.own_broker:
            if os.environ["BROKER_URL"].startswith(("redis://", "rediss://")):
                env.setdefault("CACHE_URL", os.environ["BROKER_URL"])
            return
        path = socket_path(self.state_dir)
        spec = broker_spec(self.state_dir, env, lock)
        path.unlink(missing_ok=True)  # we hold the lock: whoever bound it is dead
        supervisor.start(spec)
        if not supervisor.wait_until(lambda: answers(path), BROKER_SECONDS):
            raise StartupError(f"The broker does not answer; see {self.state_dir / 'logs' / 'broker.log'}.")

    def _step(self, supervisor: Supervisor, name: str, work: Callable[[], Result]) -> Result:
        """Do `work` in this process; its error becomes one line, with the traceback in logs/serve.log."""
        try:
            with supervisor.interruptible():
                return work()
        except Exception as error:
            log = supervisor.logs / "serve.log"
            with log.open("a") as out:
                traceback.print_exc(file=out)
            raise StartupError(f"{name} failed ({type(error).__name__}: {error}); see {log}.") from error

    def _wait_until_ready(self, supervisor: Supervisor, url: str, then: Callable[[], object]) -> None:
        if not supervisor.wait_until(lambda: welcome.is_healthy(url), WEB_SECONDS):
            raise StartupError(f"The web server does not answer {url}healthz; see {supervisor.logs / 'web.log'}.")
        featured = None
        if self.options.demo:
            supervisor.wait_until(welcome.featured_is_final, SCORED_SECONDS)
            featured = self._step(supervisor, "reading the demo", demo.featured_submission)
        # Its start would only delay the first score.
        then()
        accounts = demo.demo_accounts() if self.options.demo else []
        prepare.close_database()
        self.say(welcome.block(url, self.state_dir, accounts, featured, own_broker=self.own_broker))


def _log_to_file(path: Path) -> None:
    """What Django logs in this process goes to a file, so that the terminal keeps to our own few lines."""
    stream = path.open("a", encoding="utf-8")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)
