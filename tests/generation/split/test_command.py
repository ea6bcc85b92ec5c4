"""`python -m generation split`."""

import csv
import json
from collections import Counter

import pytest

from generation.cli import main
from generation.split.assign import SETS, assign, deciles
from generation.split.command import divide, read_images, split_report
from generation.split.leakage import group_prompts
from tests.reference import shared

WORDS = ["river", "castle", "robot", "forest", "market", "violin", "glacier", "lantern", "orchard", "harbour"]


@pytest.fixture
def images_csv(tmp_path):
    """200 images of two generators; every fifth prompt is a near twin of the one before."""
    path = tmp_path / "images.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["name", "model", "prompt", "mos"])
        for i in range(200):
            j = i - 1 if i % 5 == 4 else i
            number = "abcdefghij"[j // 100] * 9
            prompt = f"{WORDS[j % 10]} {WORDS[j // 10 % 10]} number {number} at {WORDS[(j * 7) % 10]} {j:x}"
            writer.writerow(
                [f"{'AB'[i % 2]}_{i:04d}.png", "AB"[i % 2], prompt + "!" * (i - j), f"{i * 37 % 101 / 20:.2f}"]
            )
    return path


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_grouped_split_leaks_nothing_and_can_be_checked(images_csv, tmp_path, capsys):
    out, report = tmp_path / "splits.csv", tmp_path / "leakage.json"
    assert main(["split", "--input", str(images_csv), "--out", str(out), "--report", str(report)]) == 0
    found = json.loads(report.read_text())
    assert sum(found["sets"].values()) == 200
    assert found["clusters"]["divided"] == 0
    assert all(level["count"] == 0 for part in found["leakage"].values() for level in list(part.values())[1:])
    rows = rows_of(out)
    assert list(rows[0]) == ["name", "split", "cluster", "prompt"]
    assert [row["name"] for row in rows] == [row["name"] for row in rows_of(images_csv)]
    assert Counter(row["split"] for row in rows) == found["sets"]
    printed = capsys.readouterr().out
    assert "test: of" in printed
    assert main(["split", "--check", "--input", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == printed.splitlines()[:2]


def test_the_papers_random_split_is_exact_within_generators_and_leaks(images_csv, tmp_path, capsys):
    out = tmp_path / "splits.csv"
    assert main(["split", "--input", str(images_csv), "--out", str(out), "--method", "random", "--seed", "3"]) == 0
    counts = Counter((row["name"][0], row["split"]) for row in rows_of(out))
    for generator in "AB":
        assert [counts[generator, name] for name in SETS] == [70, 10, 20]
    assert "test: of 40 images 0.0 %" not in capsys.readouterr().out


def test_the_same_seed_gives_the_same_file(images_csv, tmp_path):
    contents = []
    for i, seed in enumerate(("0", "0", "1")):
        out = tmp_path / f"{i}.csv"
        assert main(["split", "--input", str(images_csv), "--out", str(out), "--seed", seed, "--ratio", "8:1:1"]) == 0
        contents.append(out.read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_sets_in_files_of_their_own_are_checked_by_their_names(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("name,prompt,mos\nX_0.png,a house by the sea,3.1\nX_1.png,a cat on a mat,2\n")
    (tmp_path / "b.csv").write_text("name,prompt\nX_2.png,A house by the sea!\nX_3.png,nothing like it at all\n")
    arguments = ["split", "--check", "--input", f"train={tmp_path / 'a.csv'}", f"val={tmp_path / 'b.csv'}"]
    assert main(arguments) == 0
    assert "val: of 2 images 50.0 % have a prompt of train, 50.0 % one at least 90 %" in capsys.readouterr().out
    (tmp_path / "b.csv").write_text("name,prompt\nX_1.png,A house by the sea!\n")
    assert main(arguments) == 1
    assert "the image X_1.png is in more than one file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("name,prompt\na_1,x\na_1,y\n", ["--out"], "images.csv:3: the same name as on line 2"),
        ("name,prompt\na_1,\n", ["--out"], "images.csv:2: prompt is empty"),
        ("name\na_1\n", ["--out"], "no column prompt; it has: name"),
        ("name,prompt,mos\na_1,x,high\na_2,y,nan\n", ["--out"], "images.csv:3: mos is 'nan', not a number"),
        ("name,prompt\na_1,x\n", ["--check"], "--check needs the sets: a column split"),
        ("name,prompt,split\na_1,x,test\n", ["--check"], "no image is in a set named train; the sets are: test"),
    ],
)
def test_input_that_cannot_be_used_is_named_by_line(tmp_path, capsys, content, arguments, said):
    path = tmp_path / "images.csv"
    path.write_text(content)
    more = [str(tmp_path / "out.csv")] if arguments == ["--out"] else []
    assert main(["split", "--input", str(path), *arguments, *more]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["--check", "--out", "x.csv"], ["--check", "--ratio", "7:3"], ["--check", "--seed", "-1"]]
)
def test_a_wrong_command_line_is_refused(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["split", "--input", "x.csv", *arguments])
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_several_files_need_the_names_of_their_sets(capsys):
    assert main(["split", "--check", "--input", "train=a.csv", "b.csv"]) == 1
    assert "several files need the name of their set each" in capsys.readouterr().err


def test_sets_that_clusters_make_uneven_are_said(tmp_path, capsys):
    path = tmp_path / "images.csv"
    path.write_text("name,prompt\n" + "".join(f"A_{i}.png,the very same prompt\n" for i in range(10)))
    assert main(["split", "--input", str(path), "--out", str(tmp_path / "s.csv")]) == 0
    assert "the ratio asks for train 7, validation 1, test 2: clusters of prompts stay whole" in capsys.readouterr().out


@pytest.fixture(scope="module")
def released():
    """(images, prompts) of AIGIQA-20K: 14,000 of the training set, then 2,000 of the validation set."""
    files = {"train": "info_train.csv", "validation": "info_val.csv"}
    images = read_images([f"{name}={shared(f'aigiqa20k-train/{file}')}" for name, file in files.items()])
    return images, group_prompts(images.prompts)


@pytest.mark.slow
def test_the_leakage_of_the_released_split_is_known(released):
    images, prompts = released
    report = split_report(prompts, images.sets)
    found = report["leakage"]["validation"]
    # 4.3, 12.8 and 24.0 % of 2,000
    assert [found[level]["count"] for level in ("verbatim", "at_least_90", "at_least_80")] == [86, 256, 479]
    assert report["clusters"]["largest"] < 0.02 * 16_000


@pytest.mark.slow
def test_the_released_images_can_be_divided_without_leakage(released):
    images, prompts = released
    sets = divide(images, prompts, "grouped", (7, 1, 2), 0)
    report = split_report(prompts, sets)
    assert report["sets"] == {"train": 11_200, "validation": 1600, "test": 3200}
    assert {level["count"] for part in report["leakage"].values() for level in list(part.values())[1:]} == {0}
    shares = Counter(zip(images.generators, sets, strict=True))
    for generator, size in Counter(images.generators).items():
        for name, part in zip(SETS, (0.7, 0.1, 0.2), strict=True):
            assert abs(shares[generator, name] - part * size) < 1


@pytest.mark.slow
def test_each_tenth_of_mos_of_the_released_images_is_divided_alike(released):
    """Of the training set, the only one whose MOS are public."""
    train = read_images([str(shared("aigiqa20k-train/info_train.csv"))])
    strata = deciles(train.names, train.generators, train.mos)
    sets = assign(released[1].cluster_of[: len(strata)], strata, (7, 1, 2))
    shares = Counter(zip(strata, sets, strict=True))
    for stratum, size in Counter(strata).items():
        for name, part in zip(SETS, (0.7, 0.1, 0.2), strict=True):
            assert abs(shares[stratum, name] - part * size) <= 2
