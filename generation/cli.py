"""Command line of the library: `python -m generation {prompts,plan,render,attributes,split,release,...} ...`.

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
    "weights": ("generation.render.weights_cli", "weights of the models: list, fetch, verify"),
    "render": ("generation.render.command", "the images of a plan, by the models of the catalogue"),
    "import": ("generation.importing.command", "images of services that cannot be run here: a zip or folder"),
    "attributes": ("generation.attributes.command", "light, contrast, colour, blur and SI of images"),
    "figures": ("generation.figures.command", "opinion scores by generation parameters and by length of the prompt"),
    "split": ("generation.split.command", "train, validation and test sets without prompt leakage"),
    "release": ("generation.release.command", "the folder to publish: Parquet, Croissant, checksums, card"),
    "verify-commitment": ("generation.release.verify", "whether published MOS are those promised by an earlier hash"),
    "demo": ("generation.demo.command", "a small database from prompts to release, on this machine"),
}
# Top-level packages that only `make gpu` installs; for all others that are missing it is `make database`.
GPU_SET = {"torch", "torchvision", "diffusers", "transformers", "accelerate", "safetensors", "peft", "huggingface_hub"}


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


def run_command(name: str, arguments: Sequence[str]) -> int:
    """Run one command and let what it raises pass; returns its exit status."""
    module, text = COMMANDS[name]
    command = import_module(module)
    parser = argparse.ArgumentParser(
        prog=f"python -m generation {name}",
        description=command.__doc__ or text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    status: int = command.run(parser.parse_args(arguments))
    return status


def _run(name: str, arguments: Sequence[str]) -> int:
    try:
        return run_command(name, arguments)
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in ("generation", "scoring", "challenge"):
            raise
        target = "gpu" if error.name.split(".")[0] in GPU_SET else "database"
        print(f"the package {error.name} is missing: run `make {target}`", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else str(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to go on", file=sys.stderr)
        return 130
