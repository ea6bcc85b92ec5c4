"""`python -m scoring mos` and `ceiling` print and write what the library finds."""

import json
import subprocess
import sys

import pytest

import scoring
from scoring import opinion_cli, ratings, screening, transforms
from scoring.cli import main
from scoring.opinion_scores import SESSION_MEANS
from tests.scoring.studies import random_matrix, rows_of


@pytest.fixture
def path(tmp_path):
    matrix = random_matrix(40, 17)
    matrix[:, 16] = matrix[::-1, 16]
    rows = rows_of(matrix, ["1"] * 20 + ["2"] * 20)
    file = tmp_path / "r.csv"
    file.write_text("subject,image,session,rating\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    return file


def test_mos_writes_the_table_and_prints_the_rest(path, tmp_path, capsys):
    out = tmp_path / "mos.csv"
    assert main(["mos", "--ratings", str(path), "--out", str(out), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    expected = scoring.mean_opinion_scores(path)
    assert shown == expected.to_dict()
    assert list(shown["rejected"]) == ["s16"]
    expected.table.write_csv(tmp_path / "expected.csv")
    assert out.read_text() == (tmp_path / "expected.csv").read_text()
    assert out.read_text().startswith("image,mos,std,n,ci95\n00000.png,")
    assert main(["mos", "--ratings", str(path), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "MOS of 40 images from 680 ratings, 16 subjects" in text
    assert "rejected s16: SRoCC" in text
    assert "shift_log" in text
    assert "warning" not in text
    few = path.with_name("few.csv")
    kept = [line for line in path.read_text().splitlines() if line.startswith(("subject", "s00", "s01", "s02"))]
    few.write_text("\n".join(kept))
    assert main(["mos", "--ratings", str(few), "--out", str(out), "--screening", "none"]) == 0
    assert "warning: only 3 subjects: ITU-R BT.500 asks for at least 15" in capsys.readouterr().out


def test_options_of_mos_reach_the_library(path, tmp_path, capsys):
    out = tmp_path / "mos.csv"
    options = ["--transform", "literal", "--mask", "--screening", "none", "--session-mean", "session", "--json"]
    assert main(["mos", "--ratings", str(path), "--out", str(out), *options]) == 0
    shown = json.loads(capsys.readouterr().out)
    expected = scoring.mean_opinion_scores(path, "none", "literal", session_mean="session", mask_undefined=True)
    assert shown == expected.to_dict()
    undefined = sum(line.endswith(".png,,,17,") for line in out.read_text().splitlines())
    assert undefined == len(expected.table) - len(expected.table.as_mapping()) > 0
    assert main(["mos", "--ratings", str(path), "--out", str(out), "--threshold", "0.999"]) == 1
    assert "no subject is left" in capsys.readouterr().out
    assert main(["mos", "--ratings", str(path), "--out", str(out), "--scale", "0", "100", "--json"]) == 0


def test_refused_ratings_have_status_1_and_wrong_options_2(path, tmp_path, capsys):
    out = tmp_path / "mos.csv"
    with path.open("a") as stream:
        stream.write("s00,00000.png,1,3\ns99,00001.png,1,7\n")
    arguments = ["mos", "--ratings", str(path), "--out", str(out)]
    assert main(arguments) == 1
    text = capsys.readouterr().out
    assert "r.csv:683: line 683: the rating '7' lies outside the scale 0 to 5" in text
    assert "r.csv:682: line 682: subject 's00' rated '00000.png' on line 2 already" in text
    assert not out.exists()
    assert main([*arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problem_count"] == 2
    assert main(["ceiling", "--ratings", str(path)]) == 1
    assert main([*arguments, "--scale", "5", "0"]) == 2
    assert "must rise" in capsys.readouterr().err
    assert main(["ceiling", "--ratings", str(path), "--scale", "5", "0"]) == 2
    assert main(["mos", "--ratings", str(tmp_path / "none.csv"), "--out", str(out)]) == 2
    assert (
        main(["mos", "--ratings", str(path), "--scale", "0", "10", "--duplicates", "average", "--out", "/none/x"]) == 2
    )
    for wrong in (["--splits", "0"], ["--resamples", "1"], ["--transform", "literal"]):
        with pytest.raises(SystemExit) as caught:
            main(["ceiling", "--ratings", str(path), *wrong])
        assert caught.value.code == 2


def test_ceiling_prints_what_the_library_finds(path, capsys):
    arguments = ["ceiling", "--ratings", str(path), "--splits", "5", "--resamples", "20", "--seed", "3"]
    assert main([*arguments, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    expected = scoring.estimate_noise_ceiling(path, splits=5, resamples=20, seed=3)
    assert shown == expected.to_dict()
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("40 images, 16 subjects, reliability of the MOS 0.9")
    for line, metric in zip(lines[2:], ("srocc", "krocc", "plcc"), strict=True):
        assert line.split()[:2] == [metric, f"{shown['split_half'][metric]['estimate']:.4f}"]
    two = path.with_name("two.csv")
    kept = [line for line in path.read_text().splitlines() if line.startswith(("subject", "s00", "s01"))]
    two.write_text("\n".join(kept))
    assert main(["ceiling", "--ratings", str(two), "--screening", "none"]) == 0
    assert "krocc: quarters of the panel are needed" in capsys.readouterr().out


def test_the_choices_are_those_of_the_library():
    assert opinion_cli.RULES == screening.RULES
    assert opinion_cli.TRANSFORMS == transforms.TRANSFORMS
    assert opinion_cli.SESSION_MEANS == SESSION_MEANS
    assert opinion_cli.DUPLICATES == ratings.DUPLICATES


def test_neither_command_needs_more_than_numpy(path, tmp_path):
    code = (
        "import sys; from scoring.cli import main; "
        f"main(['mos', '--ratings', {str(path)!r}, '--out', {str(tmp_path / 'm.csv')!r}, '--json']); "
        f"main(['ceiling', '--ratings', {str(path)!r}, '--splits', '2', '--resamples', '2', '--json']); "
        "print([m for m in ('scipy', 'pandas', 'django') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
