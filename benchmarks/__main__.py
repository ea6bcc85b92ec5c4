"""`python -m benchmarks [scoring] [site] [prompts]`: all of them, or those named."""

import platform
import sys

import numpy
import scipy

from benchmarks import prompts as prompts_benchmark
from benchmarks import scoring as scoring_benchmark
from benchmarks import site as site_benchmark

BENCHMARKS = {"scoring": scoring_benchmark.main, "site": site_benchmark.main, "prompts": prompts_benchmark.main}


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
    for name in wanted:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
