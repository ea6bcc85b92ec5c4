"""`python -m benchmarks [NAME ...]`: all of them, or those named. Each is a module here with a `main`."""

import platform
import sys
from importlib import import_module

import numpy
import scipy

BENCHMARKS = ("scoring", "site", "study", "leak", "opinion", "attributes", "prompts", "plan", "render", "baselines")


def main() -> None:
    """Run them in order; an unknown name lists the known ones."""
    wanted = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; choose from: {', '.join(BENCHMARKS)}")
    print(
        f"Python {platform.python_version()}, numpy {numpy.__version__}, scipy {scipy.__version__}, "
        f"{platform.machine()}\n"
    )
    sys.argv[1:] = []  # each has options of its own when it is run by itself
    for name in wanted:
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
