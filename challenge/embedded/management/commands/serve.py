"""`manage.py serve`: the whole site on one machine."""

import argparse
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from challenge.embedded.preflight import cores


class Command(BaseCommand):
    """Start the web server, the scoring worker, the scheduler and the broker, and keep them running."""

    help = "Run the whole site on this machine: web server, scoring worker, scheduler and broker. Ctrl-C stops it."
    requires_system_checks: list[str] = []  # noqa: RUF012  Django's name; `make lint` and CI run the checks

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Every option has an environment variable as its default."""
        env = os.environ.get
        parser.add_argument("--host", default=env("HOST", "127.0.0.1"), help="address to listen on (env HOST)")
        parser.add_argument("--port", type=port_number, default=env("PORT", "8000"), help="port (env PORT)")
        parser.add_argument(
            "--workers", type=positive, default=str(cores()), help="submissions scored at once (default: the cores)"
        )
        parser.add_argument("--no-demo", action="store_true", help="do not create the demo challenge and accounts")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until told to stop; exit code 2 when a check failed, 1 when something did not start."""
        from challenge.embedded.serve import Options, Server

        chosen = Options(options["host"], options["port"], options["workers"], not options["no_demo"])
        try:
            code = Server(chosen, lambda line: print(line, flush=True)).run()
        except KeyboardInterrupt:
            code = 130
        sys.exit(code)


def port_number(text: str) -> int:
    """A TCP port; 0 lets the system choose."""
    number = int(text)
    if not 0 <= number < 65536:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number


def positive(text: str) -> int:
    """A number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
