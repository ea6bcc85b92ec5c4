"""aiqa: take part in a challenge of image quality assessment from the command line.

Contract: the result is on standard output, as text or with `--json` as one JSON value, also for refusals; everything
else (progress, retries, errors) is on standard error. Exit status 0: done; 1: refused, invalid, failed, or no score to
show; 2: the command line is wrong or a file of this machine cannot be used; 3: the site could not be reached; 130:
interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aiqa import keeping, reading, sending, store
from aiqa.client import Client
from aiqa.errors import INTERRUPTED, USAGE, CommandFailed
from aiqa.output import printable
from aiqa.session import Shown, say

Command = Callable[[argparse.Namespace], Shown]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        shown: Shown = arguments.run(arguments)
    except CommandFailed as failed:
        return _failed(failed, as_json=arguments.json)
    except OSError as error:
        return _failed(_of_this_machine(error), as_json=arguments.json)
    except KeyboardInterrupt:
        say("interrupted. The same command goes on where it was left (downloads: with --resume).")
        return INTERRUPTED
    if arguments.json and shown.value is not None:
        _print(json.dumps(shown.value, indent=2, ensure_ascii=False, allow_nan=False))
    elif shown.text:
        _print(printable(shown.text))
    return shown.status


def _print(text: str) -> None:
    """To standard output; quietly where nobody reads it to its end (`aiqa leaderboard ... | head`)."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _of_this_machine(error: OSError) -> CommandFailed:
    """A file that cannot be used. (What goes wrong on the line is said by the client.)"""
    failed = CommandFailed("file", f"{error.filename}: {error.strerror}" if error.filename else str(error))
    failed.status = USAGE
    return failed


def _failed(failed: CommandFailed, *, as_json: bool) -> int:
    say(f"{failed}{f' {failed.fix}' if failed.fix else ''}")
    if as_json:
        error = {"code": failed.code, "detail": str(failed), "fix": failed.fix, "exit_status": failed.status}
        _print(json.dumps({"error": {**error, "problem": failed.document or None}}, indent=2, ensure_ascii=False))
    return failed.status


def _client(arguments: argparse.Namespace, site: str = "", token: str | None = None) -> Client:
    """A client for the site that is meant, with the token for it."""
    site = site or store.chosen_site(arguments.url, os.environ)
    token = store.token_for(site, os.environ) if token is None else token
    return Client(site, token, timeout=arguments.timeout, retries=arguments.retries, say=say)


def _with_client(command: Callable[[Client, argparse.Namespace], Shown]) -> Command:
    return lambda arguments: command(_client(arguments), arguments)


def _offline(command: Callable[[Callable[[], Client], argparse.Namespace], Shown]) -> Command:
    """A command that may need no site at all."""
    return lambda arguments: command(lambda: _client(arguments), arguments)


def build_parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--url", help="the site; else AIQA_URL, else where you signed in")
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument(
        "--timeout", type=_seconds, default=30.0, help="seconds without an answer until it counts as none"
    )
    common.add_argument("--retries", type=_count, default=6, help="how often a broken request is tried again")
    parser = argparse.ArgumentParser(prog="aiqa", description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common], help=text, description=text)
        command.set_defaults(run=run)
        return command

    login = add("login", _login, "check a token and store it")
    login.add_argument("--insecure", action="store_true", help="also where the site is not encrypted")
    add("logout", lambda a: keeping.logout(store.chosen_site(a.url, os.environ)), "remove the stored token")
    _add_reading(add)
    _add_sending(add)
    _add_keeping(add)
    return parser


def _login(arguments: argparse.Namespace) -> Shown:
    return keeping.login(lambda site, token: _client(arguments, site, token), arguments)


Add = Callable[[str, Command, str], Any]


def _add_reading(add: Add) -> None:
    add("challenges", _with_client(reading.challenges), "list the challenges")
    phases = add("phases", _with_client(reading.phases), "list the phases of a challenge, and the files you have left")
    phases.add_argument("challenge")
    board = add("leaderboard", _with_client(reading.leaderboard), "show the board of a phase")
    board.add_argument("phase", metavar="CHALLENGE/PHASE")
    board.add_argument("--exact", action="store_true", help="organisers: the stored results where the board shows less")
    listed = add("submissions", _with_client(reading.submissions), "list your team's submissions in a phase")
    listed.add_argument("phase", metavar="CHALLENGE/PHASE")
    status = add("status", _with_client(reading.status), "show where a submission stands")
    status.add_argument("submission")
    scores = add("scores", _with_client(reading.scores), "show the scores of a submission with their intervals")
    scores.add_argument("submission")
    scores.add_argument("--history", action="store_true", help="also those that are no longer in force")


def _add_sending(add: Add) -> None:
    validate = add("validate", _offline(sending.validate), "list everything wrong with a prediction file")
    validate.add_argument("file", type=Path)
    validate.add_argument(
        "--names", type=Path, help="a list of names or the starter kit: checked here, without a network"
    )
    validate.add_argument("--phase", metavar="CHALLENGE/PHASE", help="checked by the server; uses no quota")
    submit = add("submit", _with_client(sending.submit), "send a prediction file")
    submit.add_argument("phase", metavar="CHALLENGE/PHASE")
    submit.add_argument("file", type=Path)
    submit.add_argument("--wait", action="store_true", help="until it is scored, then show the scores")
    submit.add_argument("--again", action="store_true", help="send the same file as another submission")
    submit.add_argument("--method", dest="method_name", help="name of the method")
    submit.add_argument("--description", help="of the method")
    submit.add_argument("--runtime", dest="runtime_s", type=_seconds, help="seconds per image")
    submit.add_argument("--device", choices=("cpu", "gpu"))
    submit.add_argument("--extra-data", choices=("true", "false"), help="whether other training data were used")
    for name, command, text in (
        ("withdraw", sending.withdraw, "take a submission back before it is scored"),
        ("choose", sending.choose, "make a submission the one that counts, where the phase has that choice"),
    ):
        add(name, _with_client(command), text).add_argument("submission")


def _add_keeping(add: Add) -> None:
    add("files", _with_client(keeping.files), "list the data files of a challenge").add_argument("challenge")
    download = add("download", _with_client(keeping.download), "download data files, checked by their SHA-256")
    download.add_argument("challenge")
    download.add_argument("file", nargs="*", help="names or ids")
    download.add_argument("--all", action="store_true", help="all files that you may have")
    download.add_argument("--version", type=_count, help="not the newest one")
    download.add_argument("--resume", action="store_true", help="go on with what an earlier run has left")
    kit = add("kit", _with_client(keeping.kit), "download the starter kit of a phase")
    kit.add_argument("phase", metavar="CHALLENGE/PHASE")
    for command in (download, kit):
        command.add_argument("--to", type=Path, default=Path(), help="the folder; it is made where it does not exist")
        command.add_argument("--force", action="store_true", help="replace a file that is there with another content")
    receipt = add("receipt", _with_client(keeping.receipt), "store the signed receipts of a submission")
    receipt.add_argument("submission")
    receipt.add_argument("--to", type=Path, default=Path(), help="the folder")
    verify = add("verify-receipt", _offline(keeping.verify_receipt), "check the signature of a receipt")
    verify.add_argument("receipt", type=Path)
    verify.add_argument("--keys", type=Path, help="the site's public keys; without them they are fetched")
    verify.add_argument("--file", type=Path, help="the prediction file: is it the one that the receipt names?")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return value


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)
