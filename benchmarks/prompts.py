"""Time, memory and result of filtering prompts, as Markdown tables.

    OMP_NUM_THREADS=1 python benchmarks/prompts.py [--prompts ../shared/data/prompts]

The whole command on 30,000 and 300,000 rows, then the 90 % rule alone against its peer: rapidfuzz comparing every key
with every other of a length that can match, in the same run on the keys of the 30,000 rows.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).parent)]

from benchmarks.scoring import table  # noqa: E402 (the path must be set first)
from generation.prompts import Source, read_prompts  # noqa: E402
from generation.prompts.merging import merge  # noqa: E402
from generation.prompts.text import key  # noqa: E402

RULES = ("exact", "merged", "cleaned", "words", "judged")


def whole_command(path: Path, folder: Path) -> list[str]:
    """One row: what was run, seconds on the clock and of the processor, peak memory, rows left after each rule."""
    report = folder / "funnel.json"
    command = [sys.executable, "-m", "generation", "prompts", "--input", str(path), "--out", str(folder / "kept.csv")]
    began = time.perf_counter()
    with subprocess.Popen([*command, "--report", str(report)], stdout=subprocess.DEVNULL, cwd=ROOT) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    elapsed = time.perf_counter() - began
    assert process.returncode == 0
    left = json.loads(report.read_text())
    seconds = [f"{elapsed:.1f} s", f"{usage.ru_utime + usage.ru_stime:.1f} s"]
    return [f"{left['input']:,}", *seconds, f"{usage.ru_maxrss / 1000:.0f} MB", *(f"{left[rule]:,}" for rule in RULES)]


def three_hundred_thousand(prompts: Path, path: Path) -> int:
    """Write 300,000 rows: all real ones there are, then seeded crossings of two of them (the first words of
    one, the last of another, so that long style tails are shared as in real prompts). Returns how many are real."""
    rows = [row.text for row in read_prompts([prompts / "sd_discord_30k.tsv", prompts / "diffusiondb_refl_10k.tsv"])]
    with gzip.open(prompts / "sd_discord_unique_100k.txt.gz", "rt", encoding="utf-8", newline="\n") as stream:
        rows += [line.rstrip("\n") for line in stream]
    for name in ("train", "val"):
        with (prompts.parent / f"aigiqa20k-train/info_{name}.csv").open(encoding="utf-8", newline="") as stream:
            rows += [row["prompt"] for row in csv.DictReader(stream)]
    real = len(rows)
    chance = random.Random(0)
    words = [text.split() for text in rows if text.strip()]
    while len(rows) < 300_000:
        first, second = chance.choice(words), chance.choice(words)
        rows.append(" ".join(first[: chance.randint(1, len(first))] + second[chance.randrange(len(second)) :]))
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps({"prompt": text}) + "\n" for text in rows)
    return real


def compare_everything(keys: list[str]) -> int:
    """The peer: similarities of all pairs whose lengths allow 90, by rapidfuzz's cdist, then the leader pass. Keys
    kept."""
    import numpy as np
    from rapidfuzz import fuzz, process

    order = sorted(range(len(keys)), key=lambda i: len(keys[i]))
    texts = [keys[i] for i in order]
    lengths = np.array([len(text) for text in texts])
    near: dict[int, list[int]] = {}
    for start in range(0, len(texts), 256):
        stop = min(start + 256, len(texts))
        end = int(np.searchsorted(lengths, lengths[stop - 1] * 1.1 / 0.9 + 1e-9, "right"))
        scores = process.cdist(texts[start:stop], texts[start:end], scorer=fuzz.ratio, score_cutoff=90, workers=1)
        for row, column in np.argwhere(scores >= 90):
            first, second = sorted((order[start + row], order[start + column]))
            if first != second:
                near.setdefault(second, []).append(first)
    leader: set[int] = set()
    for i in range(len(keys)):
        if not leader.intersection(near.get(i, ())):
            leader.add(i)
    return len(leader)


def by_precedence(texts: list[str]) -> list[str]:
    """Distinct keys, most frequent first, then earliest."""
    count: dict[str, int] = {}
    for text in texts:
        value = key(text)
        if value:
            count[value] = count.get(value, 0) + 1
    return sorted(count, key=lambda value: -count[value])


def merging(keys: list[str]) -> None:
    """The 90 % rule alone, the peer first."""
    methods: list[tuple[str, Callable[[list[str]], int]]] = [
        ("rapidfuzz cdist, all pairs of fitting length", compare_everything),
        ("this library, exact search", lambda some: len(merge(some, method="exact").kept)),
        ("this library, MinHash search", lambda some: len(merge(some, method="lsh").kept)),
    ]
    rows = []
    baseline = 0.0
    for name, run in methods:
        began = time.process_time()
        kept = run(keys)
        elapsed = time.process_time() - began
        baseline = baseline or elapsed
        rows.append([name, f"{elapsed:.1f} s", f"{elapsed / baseline:.3f}", f"{kept:,}"])
    table(f"The 90 % rule on {len(keys):,} keys", ["method", "processor", "of the peer's time", "kept"], rows)


def main(folder: Path | None = None) -> None:
    """Print the tables; says so where the data is missing."""
    prompts = folder or ROOT.parent / "shared" / "data" / "prompts"
    rows_30k = prompts / "sd_discord_30k.tsv"
    if not rows_30k.exists():
        print(f"\nThe prompts are missing ({prompts}): their benchmark is left out.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        large = Path(temporary) / "300k.jsonl"
        real = three_hundred_thousand(prompts, large)
        rows = [whole_command(path, Path(temporary)) for path in (rows_30k, large)]
    title = f"`python -m generation prompts`; of the 300,000 rows {real:,} are real, the rest crossings of two"
    table(title, ["rows", "time", "processor", "peak memory", *RULES], rows)
    merging(by_precedence([row.text for row in read_prompts([rows_30k], Source(column="prompt"))]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=Path, help="folder with the prompts")
    main(parser.parse_args().prompts)
