"""`python -m generation render` on a plan, and what is said where the gpu set is not installed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from generation import cli
from generation.render.pipelines import Pipeline

ROOT = Path(__file__).parents[3]
PLAN = """name,model,prompt,iterations,cfg,width,height,seed
toy_0000.png,toy,a small red circle,1,4.0,64,64,1
MJ_0000.png,MJ,a cat,,,64,64,2
toy_0001.png,toy,a large blue square,1,4.0,64,64,3
"""


@pytest.fixture
def render(tmp_path):
    pytest.importorskip("torch")
    plan = tmp_path / "plan.csv"
    plan.write_text(PLAN)

    def run(*more):
        arguments = ["--plan", str(plan), "--out", str(tmp_path / "out"), "--device", "cpu", "--batch-size", "1"]
        return cli.main(["render", *arguments, *more])

    return run


def test_a_plan_is_drawn_in_runs_and_the_rest_is_named(render, tmp_path, capsys):
    assert render("--limit", "1") == 0
    said = capsys.readouterr().out
    assert "1 images, 0 of them from before" in said
    assert "1 images are left by --limit: run again to go on" in said
    assert "1 images of MJ are to be brought with `python -m generation import`" in said
    assert render() == 0
    assert "2 images, 1 of them from before" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["toy_0000.png", "toy_0001.png"]


def test_images_that_cannot_be_drawn_are_listed_with_exit_status_1(render, monkeypatch, capsys):
    def draw(self, requests, seeds):
        raise ValueError("no such scheduler step")

    monkeypatch.setattr(Pipeline, "draw", draw)
    assert render() == 1
    said = capsys.readouterr().err
    assert "toy_0001.png: failed: ValueError: no such scheduler step" in said
    assert "2 images could not be drawn; the next run tries them again" in said


@pytest.mark.slow
def test_a_run_that_is_killed_and_taken_up_again_gives_the_bytes_of_one_that_is_not(tmp_path):
    pytest.importorskip("torch")
    rows = [f"toy_{i:02d}.png,toy,a large blue square,6,4.0,64,64,{i}" for i in range(16)]
    plan = tmp_path / "plan.csv"
    plan.write_text("\n".join([PLAN.splitlines()[0], *rows]) + "\n")

    def command(out):
        return ["render", "--plan", str(plan), "--out", str(out), "--device", "cpu", "--batch-size", "3"]

    def images(out):
        return {path.name: path.read_bytes() for path in out.glob("*.png")}

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    killed = subprocess.Popen([sys.executable, "-m", "generation", *command(broken)], cwd=ROOT)
    while not images(broken) and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    before = images(broken)
    assert 0 < len(before) < len(rows)
    assert cli.main(command(broken)) == 0
    assert cli.main(command(whole)) == 0
    assert images(broken) == images(whole)
    assert before.items() <= images(broken).items()


def test_without_the_gpu_set_everything_else_works_and_rendering_says_what_to_install(tmp_path):
    (tmp_path / "plan.csv").write_text(PLAN)
    without = (
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'diffusers', 'transformers', 'huggingface_hub'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Without())\n"
        "from generation.cli import main\n"
        "sys.stderr = sys.stdout\n"
        "for command in (['weights', 'list'], ['weights', 'verify', '--weights', 'none'],\n"
        "                ['render', '--plan', sys.argv[1], '--out', sys.argv[1] + '.out']):\n"
        "    print(command[0], main(command))\n"
        "main(['--help'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", without, str(tmp_path / "plan.csv")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "weights 0\n" in done.stdout
    assert "the package torch is missing: run `make gpu`\nrender 2\n" in done.stdout
    assert "a small database from prompts to release" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
