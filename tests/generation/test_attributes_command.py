"""`python -m generation attributes`: the table, what interrupts it, what is wrong with images and tables."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from generation.attributes import collect
from generation.attributes.measure import at_edge, measure
from generation.cli import main
from generation.images import decode
from generation.plotting import FORMATS
from tests.generation.pictures import pixels, write_picture
from tests.reference import shared


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        write_picture(tmp_path / "images" / f"{number}.png", number)
    return tmp_path


def run(folder, *more, images="images", workers="1"):
    arguments = ["attributes", "--images", str(folder / images), "--out", str(folder / "a.csv"), "--workers", workers]
    return main([*arguments, *more])


def rows(folder):
    with (folder / "a.csv").open() as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def test_there_is_a_row_per_image_with_both_sizes(folder, capsys):
    assert run(folder) == 0
    assert "6 images, 0 of them from before" in capsys.readouterr().out
    found = rows(folder)
    assert list(found) == [f"{number}.png" for number in range(6)]
    row = found["3.png"]
    assert (row["width"], row["height"]) == ("24", "16")
    assert row["sha256"] == sha256((folder / "images" / "3.png").read_bytes()).hexdigest()
    for name, value in measure(pixels(3)).items():
        assert float(row[name]) == pytest.approx(value, abs=1e-6)
    for name, value in measure(at_edge(pixels(3))).items():
        assert float(row[f"{name}_512"]) == pytest.approx(value, abs=1e-6)


def test_processes_change_nothing(folder):
    assert run(folder) == 0
    alone = (folder / "a.csv").read_bytes()
    (folder / "a.csv").unlink()
    assert run(folder, workers="2") == 0
    assert (folder / "a.csv").read_bytes() == alone


def test_an_interrupted_run_is_taken_up_again(folder, capsys, monkeypatch):
    assert run(folder) == 0
    complete = (folder / "a.csv").read_bytes()
    (folder / "a.csv").unlink()
    decoded: list[bytes] = []

    def decode_three(content):
        if len(decoded) == 3:
            raise KeyboardInterrupt
        decoded.append(content)
        return decode(content)

    monkeypatch.setattr(collect, "decode", decode_three)
    assert run(folder) == 130
    assert "run the same command again" in capsys.readouterr().err
    with (folder / "a.csv").open("a") as stream:
        stream.write("3.png,24,16,0.5")  # as if killed while writing
    monkeypatch.setattr(collect, "decode", decode)
    assert run(folder) == 0
    assert "6 images, 3 of them from before" in capsys.readouterr().out
    assert (folder / "a.csv").read_bytes() == complete


def test_images_that_changed_are_measured_again_and_rows_of_lost_ones_go(folder, capsys):
    assert run(folder) == 0
    before = rows(folder)
    write_picture(folder / "images" / "2.png", 77)
    (folder / "images" / "5.png").unlink()
    assert run(folder) == 0
    out = capsys.readouterr().out
    assert "5 images, 4 of them from before" in out
    assert "1 rows of images that are no longer there were dropped" in out
    after = rows(folder)
    assert {name for name in after if after[name] != before[name]} == {"2.png"}


def test_unreadable_images_are_listed_and_the_others_go_on(folder, capsys):
    (folder / "images" / "1.png").write_bytes(b"not a picture")
    (folder / "images" / "4.png").write_bytes((folder / "images" / "4.png").read_bytes()[:-60])
    assert run(folder) == 1
    captured = capsys.readouterr()
    assert "1.png: not an image" in captured.err
    assert "4.png: damaged" in captured.err
    assert "2 of 6 images could not be read" in captured.err
    assert list(rows(folder)) == ["0.png", "2.png", "3.png", "5.png"]
    assert run(folder, "--skip-unreadable") == 0
    assert "1.png" in capsys.readouterr().err
    write_picture(folder / "images" / "1.png", 1)
    write_picture(folder / "images" / "4.png", 4)
    assert run(folder) == 0
    assert len(rows(folder)) == 6


def test_a_list_of_images_may_name_files_that_are_not_there(folder, capsys):
    (folder / "images" / "list.csv").write_text("name\n0.png\nlost.png\n")
    assert run(folder, images="images/list.csv") == 1
    assert "lost.png: No such file" in capsys.readouterr().err
    assert list(rows(folder)) == ["0.png"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"image\n0.png\n", "list.csv: no column name; it has: image"),
        (b"name\n0.png\n\xe9.png\n", "list.csv:3: the text is not UTF-8"),
        (b"name\n0.png\n0.png\n", "list.csv:3: the same name as on line 2"),
        (b"name,file\n0.png\n", "list.csv:2: 1 cells, but the header has 2"),
    ],
)
def test_a_wrong_list_is_refused_by_line(folder, capsys, content, said):
    (folder / "list.csv").write_bytes(content)
    assert run(folder, images="list.csv") == 1
    assert said in capsys.readouterr().err
    assert not (folder / "a.csv").exists()


def test_another_table_is_never_overwritten(folder, capsys):
    (folder / "a.csv").write_text("name,mos\n0.png,3\n")
    assert run(folder) == 1
    assert "is no table of attributes" in capsys.readouterr().err
    assert (folder / "a.csv").read_text() == "name,mos\n0.png,3\n"


def test_figures_need_a_plan_and_a_known_format(folder, capsys):
    assert run(folder, "--figure", str(folder / "f.svg")) == 1
    assert "--figure needs --plan" in capsys.readouterr().err
    for wrong in (["--figure", "f.png"], ["--workers", "0"]):
        with pytest.raises(SystemExit) as stopped:
            run(folder, *wrong)
        assert stopped.value.code == 2


def test_figures_are_drawn_in_all_formats(folder, capsys):
    flags = "".join(f"{n}.png,{str(n % 2 == 0).lower()},true,False\n" for n in range(6))
    (folder / "plan.csv").write_text("name,iteration_default,cfg_default,resolution_default\n" + flags)
    files = [str(folder / f"fig3{ending}") for ending in FORMATS]
    assert run(folder, "--plan", str(folder / "plan.csv"), "--figure", *files) == 0
    assert capsys.readouterr().out.count("figure 3 of 6 images") == 3
    assert all(Path(file).stat().st_size > 1000 for file in files)


def test_real_images_are_measured_in_place(tmp_path, capsys):
    images = shared("avt-ai-images/images_original")
    arguments = ["attributes", "--images", str(images), "--out", str(tmp_path / "a.csv"), "--workers", "1"]
    assert main(arguments) == 0
    assert "27 images" in capsys.readouterr().out
    for row in rows(tmp_path).values():
        assert (row["width"], row["height"]) == ("512", "512")
        assert row["blur"] == row["blur_512"]
        assert 0.1 < float(row["blur"]) < 0.9
        assert 5 < float(row["si"]) < 300


def children(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_killed_run_leaves_no_process_and_no_row_is_lost(folder):
    write_picture(folder / "images" / "6.png", 6, (400, 300))
    for number in range(7, 150):
        shutil.copy(folder / "images" / "6.png", folder / "images" / f"{number}.png")
    command = [sys.executable, "-m", "generation", "attributes", "--images", str(folder / "images")]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([*command, "--out", str(folder / "a.csv"), "--workers", "2"], cwd=root) as process:
        deadline = time.monotonic() + 60
        while not (folder / "a.csv").exists() or len((folder / "a.csv").read_text().splitlines()) < 10:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
    assert len(workers) >= 2
    while any(map(alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    kept = len(rows(folder))
    assert run(folder) == 0
    assert 9 <= kept < 150
    assert len(rows(folder)) == 150
