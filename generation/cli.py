"""Command line of the library: `python -m generation {prompts,plan,attributes,split,release,verify-commitment} ...`.

Contract: exit status 0 when the work is done, 1 when the input is refused (every problem with its place and the fix), 2
when the command line is wrong, a file cannot be opened or a package is missing, 130 when interrupted: running the same
command again goes on. Reports go to standard output, progress and problems to standard error.

Each command is a module with `add_arguments(parser)` and `run(arguments) -> int`; only the one that is asked for is
imported.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from generation.problems import InvalidInput

COMMANDS = {
    "prompts": ("generation.prompts.command", "filter and choose prompts"),
    "plan": ("generation.plan.command", "one row per image to generate: model, steps, CFG, size, seed, prompt"),
    "attributes": ("generation.attributes.command", "light, contrast, colour, blur and SI of images"),
    "split": ("generation.split.command", "train, validation and test sets without prompt leakage"),
    "release": ("generation.release.command", "the folder to publish: Parquet, Croissant, checksums, card"),
    "verify-commitment": ("generation.release.verify", "whether published MOS are those promised by an earlier hash"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="python -m generation", description="Build an image quality database.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    if not arguments or arguments[0] not in COMMANDS:
        parser.parse_args(arguments)
        return 2
    return _run(arguments[0], arguments[1:])


def _run(name: str, arguments: Sequence[str]) -> int:
    module, text = COMMANDS[name]
    try:
        command = import_module(module)
        parser = argparse.ArgumentParser(
            prog=f"python -m generation {name}",
            description=command.__doc__ or text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(parser)
        status: int = command.run(parser.parse_args(arguments))
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in ("generation", "scoring", "challenge"):
            raise
        print(f"the package {error.name} is missing: run `make database`", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else str(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return status
