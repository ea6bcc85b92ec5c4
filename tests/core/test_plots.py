"""Figures for papers: not a burden of the web process, one at a time, once for many."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from challenge.core import plots

ROOT = Path(__file__).parents[2]


def test_no_process_imports_matplotlib_when_it_starts():
    script = "import challenge.wsgi, challenge.urls, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_many_who_ask_at_once_wait_for_one_drawing():
    drawn, answers = [], []

    def draw():
        drawn.append(1)
        time.sleep(0.05)
        return b"figure"

    threads = [threading.Thread(target=lambda: answers.append(plots.cached("a", draw))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(drawn), answers) == (1, [b"figure"] * 8)


def test_threads_that_draw_different_figures_get_their_own():
    found = {}

    def draw(number):
        kind = ("svg", "pdf")[number % 2]
        found[number] = plots.rendered(lambda axes: axes.plot([0, number]), kind, height=1), kind

    threads = [threading.Thread(target=draw, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (content, kind) in found.items():
        assert content == plots.rendered(lambda axes, n=number: axes.plot([0, n]), kind, height=1)
    assert len({content for content, _ in found.values()}) == 6
